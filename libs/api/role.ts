// Names the roles that a token may have.

/** viewer < operator < admin; node opens the hub only, and provisioner nothing: tokens of nodes are derived from it. */
export const roles = ['viewer', 'operator', 'admin', 'node', 'provisioner'] as const;
export type Role = (typeof roles)[number];
