// Builds TLS on the side of clients: which certificates are shown, and what is demanded of clients' own. A secret that
// is not usable must not be named here: Envoy would wait for it, and the whole listener with it.
import type { ClientValidation } from '#libs/snapshot/entry.ts';
import type { ProtoMessage } from './resources.ts';
import { secretConfig } from './secret.ts';

export interface ServerTls {
  /** Names of secrets, in order; at least one. */
  readonly certificates: readonly string[];
  readonly clients?: {
    /** Name of the secret of authorities. */
    readonly authorities: string;
    readonly mode: ClientValidation['mode'];
  };
}

/** Gives the transport fields of a chain; `protocols` = what is offered by ALPN. */
export function serverTls({ certificates, clients }: ServerTls, protocols: readonly string[]): ProtoMessage {
  return {
    transport_socket_connect_timeout: '10s',
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
        common_tls_context: {
          ...(protocols.length === 0 ? {} : { alpn_protocols: protocols }),
          tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
          tls_certificate_sds_secret_configs: certificates.map(secretConfig),
          ...(clients === undefined ? {} : clientContext(clients)),
        },
        ...(clients?.mode === 'AllowValidOnly' ? { require_client_certificate: true } : {}),
      },
    },
  };
}

/** In the insecure mode whatever a client shows is taken, and it need not show anything. */
function clientContext({ authorities, mode }: NonNullable<ServerTls['clients']>): ProtoMessage {
  const secret = secretConfig(authorities);
  if (mode === 'AllowValidOnly') return { validation_context_sds_secret_config: secret };
  return {
    combined_validation_context: {
      default_validation_context: { trust_chain_verification: 'ACCEPT_UNTRUSTED' },
      validation_context_sds_secret_config: secret,
    },
  };
}
