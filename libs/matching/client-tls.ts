// Declares what a client says and shows in a TLS handshake.

/** How a client speaks TLS. */
export interface ClientTls {
  /** Absent = it sends none. */
  readonly serverName?: string;
  /** Absent = it shows none. */
  readonly certificate?: ClientCertificate;
}

interface ClientCertificate {
  /** Discovery keys `ca/…` of the authorities that vouch for it; 'any' = whichever a listener trusts. */
  readonly signedBy: readonly string[] | 'any';
}
