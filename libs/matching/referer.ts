// Tells which values of Referer Envoy leaves in a request. It takes all others out before it looks for a route.

const absolutePattern =
  /^[a-z][a-z0-9+.-]*:\/\/(?<host>[a-z0-9.-]+|\[[^\]]+\])(?::(?<port>\d{1,5}))?(?:[/?](?:(?!#)[!-~])*#?)?$/i;
const relativePattern = /^(?:[!$%&'()*+,\-.;=?@\w~]*|[!$%&'()*+,\-.;=?@\w~]*\/[!$%&'()*+,\-./:;=?@\w~]*)$/;
const portMax = 65_535;

/** Tells whether a value is an absolute URL without user and fragment, or a relative one (RFC 9110, 10.1.3). */
export function isReferer(value: string): boolean {
  const { host = '', port = '' } = absolutePattern.exec(value)?.groups ?? {};
  if (host !== '') return Number(port) <= portMax && (!host.startsWith('[') || isAddress(host));
  return relativePattern.test(value);
}

/** An IPv6 address in brackets, which may have a zone. */
function isAddress(host: string): boolean {
  return URL.canParse(`http://${host.replace(/%[^\]]*/, '')}/`);
}
