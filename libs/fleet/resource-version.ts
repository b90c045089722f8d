// Compares resource versions, which are opaque text by the API's contract, and decimal numbers in fact (and officially
// comparable since Kubernetes 1.35).

/** Compares two versions: negative, zero or positive; undefined = they cannot be compared. */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!decimal.test(a) || !decimal.test(b)) return undefined;
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const decimal = /^[0-9]{1,40}$/;
