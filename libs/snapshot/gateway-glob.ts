// Which gateways a node serves: globs over `cluster/namespace/name`, where `*` stands for any text within one part.

/** Whether one of the globs matches a gateway. */
export function matchesGateway(globs: readonly string[], gateway: string): boolean {
  const parts = gateway.split('/');
  return globs.some((glob) => {
    const patterns = glob.split('/');
    return patterns.length === parts.length && patterns.every((pattern, i) => matchesPart(pattern, parts[i] ?? ''));
  });
}

/** Takes each literal at its first place; linear in the text for each star. */
function matchesPart(pattern: string, text: string): boolean {
  const literals = pattern.split('*');
  const [first = ''] = literals;
  if (literals.length === 1) return first === text;
  const last = literals.at(-1) ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = text.indexOf(literal, at);
    if (found < 0 || found + literal.length > end) return false;
    at = found + literal.length;
  }
  return true;
}
