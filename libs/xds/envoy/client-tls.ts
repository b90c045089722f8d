// Builds TLS on the side of backends (BackendTLSPolicy): what is sent as server name, whom the backend's certificate
// must be of, and what is shown to it. A secret that is not usable must not be named here: Envoy would wait for it, and
// the cluster with it.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { BackendEntry, BackendTls } from '#libs/snapshot/entry.ts';
import { authoritiesName } from './authority.ts';
import type { ProtoMessage } from './resources.ts';
import { secretConfig } from './secret.ts';
import { isHostName } from './text-limits.ts';

export interface ClientTls {
  /** Server name of the handshake; also that of the certificate, without `subjectAltNames`. */
  readonly hostname: string;
  readonly subjectAltNames: BackendTls['subjectAltNames'];
  /** Name of the secret of authorities. */
  readonly authorities: string;
  /** Name of the secret of what the gateway shows. */
  readonly certificate?: string;
}

/** Name of the secret of the authorities that the node's system trusts. */
export const systemAuthorities = 'ca/system';

/** Says how a backend is spoken to by TLS, if it is. */
export function toClientTls({ tls, clientCertificate }: BackendEntry): ClientTls | undefined {
  if (tls === undefined) return undefined;
  const { hostname, authorities, subjectAltNames } = tls;
  return {
    hostname,
    subjectAltNames,
    authorities: authorities === 'system' ? systemAuthorities : authoritiesName(authorities),
    ...(clientCertificate === undefined ? {} : { certificate: clientCertificate }),
  };
}

/** Gives a name that differs whenever anything differs. */
export function clientTlsName(tls: ClientTls): string {
  return sha256(canonicalJson(tls)).slice(0, 16);
}

/** Gives the secrets that are needed. */
export function clientTlsSecrets(
  tls: ClientTls,
): readonly { readonly name: string; readonly what: 'authority' | 'client certificate' }[] {
  const { authorities, certificate } = tls;
  const authority = { name: authorities, what: 'authority' } as const;
  return certificate === undefined ? [authority] : [authority, { name: certificate, what: 'client certificate' }];
}

/** Says why it cannot be spoken like this at all, or gives undefined. */
export function clientTlsProblem({ hostname, authorities, subjectAltNames }: ClientTls): string | undefined {
  if (authorities === '') return 'no authority is trusted';
  if (!isHostName(hostname)) return 'the hostname for TLS is not one';
  const isGood = subjectAltNames.every(({ value }) => /^.{1,2048}$/.test(value) && value.isWellFormed());
  return isGood ? undefined : 'a subject alternative name is not one';
}

/** Gives the transport fields of a cluster; `protocol` = what is asked for by ALPN, if anything. */
export function clientTls(tls: ClientTls, protocol?: 'h2' | 'http/1.1'): { readonly transport_socket: ProtoMessage } {
  const { hostname, authorities, certificate } = tls;
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
        sni: hostname,
        common_tls_context: {
          ...(protocol === undefined ? {} : { alpn_protocols: [protocol] }),
          tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
          ...(certificate === undefined ? {} : { tls_certificate_sds_secret_configs: [secretConfig(certificate)] }),
          combined_validation_context: {
            default_validation_context: { match_typed_subject_alt_names: acceptedNames(tls) },
            validation_context_sds_secret_config: secretConfig(authorities),
          },
        },
      },
    },
  };
}

/** One of them is enough. The hostname counts only where nothing else is said. */
function acceptedNames({ hostname, subjectAltNames }: ClientTls): readonly ProtoMessage[] {
  if (subjectAltNames.length === 0) return [{ san_type: 'DNS', matcher: { exact: hostname } }];
  return subjectAltNames.map(({ type, value }) => ({
    san_type: type === 'URI' ? 'URI' : 'DNS',
    matcher: { exact: value },
  }));
}
