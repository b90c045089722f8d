// Times spread at random, so that a fleet of agents does not move in step.

/** The time ± 10 %. */
export function jittered(ms: number): number {
  return ms * (0.9 + Math.random() * 0.2);
}
