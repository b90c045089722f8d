// Says how often agents and replicas of control tell that what they know of is there, and how long a silence may last.

/** The time between two heartbeats. */
export const heartbeatEveryMs = 10_000;

/** Who was not heard of for longer is silent: three heartbeats are lost, and some time to write them. */
export const silentAfterMs = 35_000;
