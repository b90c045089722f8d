// Listener resources of ports and the secrets that they name. A certificate that is not there or that Envoy would refuse is left out of
// its chain until it is right.
import { buildListener, type ListenerOptions, listenerName, type PortChains } from './listener.ts';
import { compareListeners, type PortListener, type PortModel } from './port-model.ts';
import type { ResourceTable } from './resource-table.ts';
import { buildSecret, type TlsMaterial, tlsProblem } from './secret.ts';
import { Users } from './users.ts';

const portMax = 65_535;

export class PortCompiler {
  readonly #table: ResourceTable;
  readonly #options: ListenerOptions;
  /** Discovery key → material. */
  readonly #material = new Map<string, TlsMaterial>();
  /** Discovery key → why it cannot be served. */
  readonly #bad = new Map<string, string>();
  /** By port. */
  readonly #secretUsers = new Users();
  readonly #touchedSecrets = new Set<string>();

  constructor(table: ResourceTable, options: ListenerOptions) {
    this.#table = table;
    this.#options = options;
  }

  /** Sets or, with undefined, deletes the material of a discovery key. Returns the ports whose chains may be others now. */
  setMaterial(key: string, material: TlsMaterial | undefined): readonly number[] {
    const wasUsable = this.#isUsable(key);
    const problem = material === undefined ? undefined : tlsProblem(material);
    if (material === undefined) this.#material.delete(key);
    else this.#material.set(key, material);
    if (problem === undefined) this.#bad.delete(key);
    else this.#bad.set(key, problem);
    this.#touchedSecrets.add(key);
    return wasUsable === this.#isUsable(key) ? [] : [...this.#secretUsers.of(key)].map(Number);
  }

  /** Brings the listener of a port up to date. */
  updatePort(port: number, model: PortModel | undefined): void {
    const name = listenerName(port);
    const listeners = model === undefined ? [] : [...model.hostnames()].flatMap((hostname) => model.at(hostname));
    this.#secretUsers.set(`${port}`, new Set(listeners.flatMap(({ entry }) => entry.certificates)));
    if (model === undefined || listeners.length === 0 || !this.#canBind(port)) this.#table.delete('listener', name);
    else {
      const message = buildListener(port, this.#chains(model), this.#options);
      this.#table.set({ type: 'listener', name, message });
    }
  }

  /** Brings the secrets up to date. */
  updateSecrets(): void {
    for (const name of [...this.#touchedSecrets, ...this.#secretUsers.takeTouched()]) {
      const material = this.#material.get(name);
      if (material === undefined || !this.#isUsable(name) || this.#secretUsers.of(name).size === 0)
        this.#table.delete('secret', name);
      else this.#table.set({ type: 'secret', name, message: buildSecret(name, material) });
    }
    this.#touchedSecrets.clear();
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
          const reason = this.#bad.get(key) ?? (this.#material.has(key) ? undefined : 'is not there yet');
          return reason === undefined ? [] : [{ listener, reason: `the certificate ${key} ${reason}` }];
        }),
      ),
    ];
  }

  #chains(model: PortModel): PortChains {
    if (model.protocol === 'HTTP') return { protocol: 'HTTP' };
    const chains = [...model.hostnames()].map((hostname) => {
      const keys = new Set(model.at(hostname).flatMap(({ entry }) => entry.certificates));
      return { hostname, secrets: [...keys].filter((key) => this.#isUsable(key)) };
    });
    return { protocol: 'HTTPS', chains };
  }

  #isUsable(key: string): boolean {
    return this.#material.has(key) && !this.#bad.has(key);
  }

  #canBind(port: number): boolean {
    return port > 0 && port + this.#options.portOffset <= portMax;
  }
}
