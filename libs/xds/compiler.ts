// The compiler: holds the snapshots of a node's gateways and its discovery, and keeps the tables of Envoy resources that follow from them.
// Pure in content: the same inputs give the same tables, in whatever order they came. The work follows the change.
import type { Endpoint } from '#libs/protocol/messages.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import type { XdsChange, XdsTables } from './resources.ts';

export interface XdsOptions {
  /** Address that listeners bind. */
  readonly bindAddress: string;
  /** Added to every listener port. */
  readonly portOffset: number;
  /** JSON lines of requests to standard output; off when absent. */
  readonly accessLog?: 'json';
}

/** Discovery as the compiler takes it: TLS material is opened. */
export type XdsDiscovery =
  | { readonly kind: 'endpoints'; readonly endpoints: readonly Endpoint[] }
  /** Both PEM. */
  | { readonly kind: 'tls'; readonly certificate: string; readonly key: string };

/** Something that was left out or answers 500, because Envoy would not take it. */
export interface XdsProblem {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly reason: string;
}

export class XdsCompiler {
  constructor(options: XdsOptions) {
    void options;
  }

  /** Changes the entries of one gateway. */
  setSnapshot(
    gateway: string,
    upserts: Iterable<readonly [key: string, entry: Entry]>,
    removes: Iterable<string>,
  ): void {
    void [gateway, upserts, removes];
  }

  /** Changes discovery by its keys. */
  setDiscovery(
    upserts: Iterable<{ readonly key: string; readonly item: XdsDiscovery }>,
    removes: Iterable<string>,
  ): void {
    void [upserts, removes];
  }

  /** What changed in the tables since the last call. Resources that are equal to the one before are not listed and keep their identity. */
  flush(): XdsChange {
    return { upserts: [], removes: [] };
  }

  /** The tables as of the last flush; a live view. */
  tables(): XdsTables {
    return { cluster: new Map(), endpoints: new Map(), listener: new Map(), scope: new Map(), secret: new Map() };
  }

  /** What could not be honoured, as of the last flush. */
  problems(): readonly XdsProblem[] {
    return [];
  }
}
