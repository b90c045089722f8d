// Names the roles that a token may have.

/** The roles: viewer < operator < admin; node opens the hub only, and a provisioner's token only makes tokens of nodes. */
export const roles = ['viewer', 'operator', 'admin', 'node', 'provisioner'] as const;
export type Role = (typeof roles)[number];
