// Names the headers of clients that are dropped because a backend could take them for a header that the gateway itself
// vouches for: CGI, WSGI and PHP read '_' and '-' in a name as one. Every other name with '_' is a header like any
// other.

/** Headers that Envoy sets, overwrites, removes or goes by, whatever a client sent. */
const vouchedFor = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-client-cert',
  'content-length',
  'transfer-encoding',
];

/** The spellings of those names with at least one '_', in lower case. */
export const imitatedHeaders: ReadonlySet<string> = new Set(
  vouchedFor.flatMap((name) => spellings(name.split('-')).filter((spelling) => spelling !== name)),
);

/** Gives the words joined by '-' or '_' in every way. */
function spellings([first = '', ...rest]: readonly string[]): readonly string[] {
  return rest.length === 0 ? [first] : spellings(rest).flatMap((tail) => [`${first}-${tail}`, `${first}_${tail}`]);
}
