// Holds the option that says where the events lie that left the database.
import { type OptionTable, text } from '#libs/runtime/config.ts';

export const archiveOption = {
  archive: {
    flag: '--archive <place>',
    schema: text().optional(),
    description: 'where the events lie that left the database: a folder, git:FOLDER, or http(s)://…',
  },
} as const satisfies OptionTable;
