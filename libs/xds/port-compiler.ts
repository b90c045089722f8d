// Listener resources of ports and the secrets that they name. A certificate that is not there or that Envoy would refuse is left out of
// its chain until it is right.
import { buildListener, type ListenerOptions, listenerName, type PortChains } from './listener.ts';
import { compareListeners, type PortListener, type PortModel } from './port-model.ts';
import type { ResourceTable } from './resource-table.ts';
import type { SecretCompiler } from './secret-compiler.ts';

const portMax = 65_535;

export class PortCompiler {
  readonly #table: ResourceTable;
  readonly #options: ListenerOptions;
  readonly #secrets: SecretCompiler;

  constructor(table: ResourceTable, secrets: SecretCompiler, options: ListenerOptions) {
    this.#table = table;
    this.#secrets = secrets;
    this.#options = options;
  }

  /** Brings the listener of a port up to date. */
  updatePort(port: number, model: PortModel | undefined): void {
    const name = listenerName(port);
    const listeners = model === undefined ? [] : [...model.hostnames()].flatMap((hostname) => model.at(hostname));
    this.#secrets.use(userOfPort(port), new Set(listeners.flatMap(({ entry }) => entry.certificates)));
    if (model === undefined || listeners.length === 0 || !this.#canBind(port)) this.#table.delete('listener', name);
    else {
      const message = buildListener(port, this.#chains(model), this.#options);
      this.#table.set({ type: 'listener', name, message });
    }
  }

  /** Why listeners of a port are not served as they say. */
  problems(model: PortModel): readonly { readonly listener: PortListener; readonly reason: string }[] {
    const served = [...model.hostnames()].flatMap((hostname) => model.at(hostname)).toSorted(compareListeners);
    return [
      ...(this.#canBind(model.port)
        ? []
        : served.map((listener) => ({ listener, reason: 'its port with the port offset is not a port: not served' }))),
      ...model.ignored.map((listener) => ({
        listener,
        reason: `an older Gateway has port ${model.port} for ${model.protocol} on this node: not served`,
      })),
      ...served.flatMap((listener) =>
        listener.entry.certificates.flatMap((key) => {
          const reason = this.#secrets.problem(key);
          return reason === undefined ? [] : [{ listener, reason: `the certificate ${key} ${reason}` }];
        }),
      ),
    ];
  }

  #chains(model: PortModel): PortChains {
    if (model.protocol === 'HTTP') return { protocol: 'HTTP' };
    const chains = [...model.hostnames()].map((hostname) => {
      const keys = new Set(model.at(hostname).flatMap(({ entry }) => entry.certificates));
      return { hostname, secrets: [...keys].filter((key) => this.#secrets.isUsable(key)) };
    });
    return { protocol: 'HTTPS', chains };
  }

  #canBind(port: number): boolean {
    return port > 0 && port + this.#options.portOffset <= portMax;
  }
}

const userPrefix = 'port ';

/** How a port is called as a user of secrets. */
function userOfPort(port: number): string {
  return `${userPrefix}${port}`;
}

/** The port that is called so, or undefined. */
export function portOfUser(user: string): number | undefined {
  return user.startsWith(userPrefix) ? Number(user.slice(userPrefix.length)) : undefined;
}
