// Tells IP addresses from other text.

/** Gives 4, 6, or 0 for text that is no IP address. A zone (`%eth0`) is not taken. */
export function ipVersion(text: string): 0 | 4 | 6 {
  if (isIpv4(text)) return 4;
  return isIpv6(text) ? 6 : 0;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256);
}

/** Eight groups, of which one run may be '::', and the last two may be an IPv4 address. */
function isIpv6(text: string): boolean {
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const all = groups.flat();
  const last = all.at(-1) ?? '';
  const hasIpv4 = last.includes('.');
  const hex = hasIpv4 ? all.slice(0, -1) : all;
  if ((hasIpv4 && (!isIpv4(last) || text.endsWith('::'))) || !hex.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)))
    return false;
  const count = hex.length + (hasIpv4 ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}
