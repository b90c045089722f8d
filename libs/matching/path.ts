// Normalises paths as they are matched: dot segments are resolved, also those with path parameters (`/a/..;v=1/b`),
// `%`-encoded plain letters decoded, and what must be encoded is encoded. Double slashes and `%2F` stay, and so does an
// encoded dot with parameters (`/%2e%2e;v` becomes `/..;v`). So no prefix can be left by `..`, and a path has one
// spelling for the letters that need none (RFC 3986, section 6.2.2).

const plain = /^[A-Za-z0-9._~-]$/;
/** Of dot segments; the slash must be one. */
const parameters = /\/(\.\.?);[^/]*(?=\/|$)/g;
const encoded = /["<>^`{|} \u007f-\uffff]/;

/** Gives the path without query that routes see. */
export function normalisePath(path: string): string {
  if (isNormal(path)) return path;
  const decoded = path.replaceAll(parameters, '/$1').replaceAll(/%[0-9a-fA-F]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return plain.test(character) ? character : escape;
  });
  const segments: string[] = [];
  const given = decoded.replaceAll('\\', '/').slice(1).split('/');
  for (const [index, segment] of given.entries()) {
    const isLast = index === given.length - 1;
    if (segment === '.') {
      if (isLast) segments.push('');
    } else if (segment === '..') {
      segments.pop();
      if (isLast) segments.push('');
    } else segments.push(segment);
  }
  return `/${segments.map(encodeSegment).join('/')}`;
}

/** Most paths are what they should be. */
function isNormal(path: string): boolean {
  return !/[%\\"<>^`{|} \u007f-\uffff]|\/\.\.?(?:[/;]|$)/.test(path);
}

function encodeSegment(segment: string): string {
  if (!encoded.test(segment)) return segment;
  const bytes = Buffer.from(segment, 'utf8');
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return encoded.test(character) ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}` : character;
  }).join('');
}
