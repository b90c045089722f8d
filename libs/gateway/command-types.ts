// Lists what people may command of a gateway.

/** Names the commands: of an operator event and in the options and annotations that speak of them. */
export const commandTypes = ['rollback', 'release', 'accept'] as const;

export type CommandType = (typeof commandTypes)[number];

/** Tells a command from other types of events. */
export function isCommandType(type: string): type is CommandType {
  return commandTypes.some((one) => one === type);
}
