// Sums up measurements by their quantiles.

/** Gives what a share of the values, 0 to 1, lies below; 1 = the largest. NaN of no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
