// Runs `fleetgate keys generate`: makes the fleet's node key pair. Agents get the public half, nodes the private one.
import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { generateNodeKey, keyIdOf } from '#libs/runtime/hpke.ts';
import { localDoer, noteDeedAt } from '#libs/runtime/postgres/deeds.ts';
import { withLocalDatabase } from '../local/local-database.ts';
import { type AnswerFormat, outputOption } from '../shell/output-format.ts';

interface KeyOptions {
  readonly privateKeyFile?: string;
  readonly databaseUrl?: string;
  readonly reason?: string;
  readonly output: AnswerFormat;
}

/** Adds the sub-command. */
export function configureKeys(command: Command): void {
  command
    .command('generate')
    .summary('make a new key pair')
    .description(
      'Makes a new X25519 key pair: ' +
        'agents seal TLS keys to the public half, only nodes open them with the private one. ' +
        'The history gets its id where a database is named or an `up` runs on this machine.',
    )
    .option('--private-key-file <file>', 'write the private half to this new file (0600) instead of printing it')
    .option('--database-url <url>', 'the database of the fleet that the key is for (env DATABASE_URL)')
    .option('--reason <text>', 'why; kept in the history')
    .addOption(outputOption('answer'))
    .action(async (options: KeyOptions) => {
      const { privateKey, publicKey } = generateNodeKey();
      const databaseUrl = options.databaseUrl ?? (await withLocalDatabase(process.env))['DATABASE_URL'];
      await noteKey(keyIdOf(publicKey), databaseUrl, options.reason);
      if (options.privateKeyFile !== undefined) writeNewFile(options.privateKeyFile, `${privateKey}\n`);
      const shown = options.privateKeyFile === undefined ? { privateKey } : { privateKeyFile: options.privateKeyFile };
      const fields = { publicKey, keyId: keyIdOf(publicKey), ...shown };
      const lines = [
        `public key   ${publicKey}   for agents (FLEETGATE_NODE_PUBLIC_KEY)`,
        'privateKey' in shown
          ? `private key  ${shown.privateKey}   for nodes only, in a file (FLEETGATE_NODE_KEY_FILE); keep it secret`
          : `private key  in ${shown.privateKeyFile}`,
      ];
      process.stdout.write(options.output === 'json' ? `${JSON.stringify(fields)}\n` : `${lines.join('\n')}\n`);
    });
}

/** Notes the key for the history before anybody has it. Throws FleetgateError 'postgres-unreachable'. */
async function noteKey(keyId: string, databaseUrl: string | undefined, why: string | undefined): Promise<void> {
  if (databaseUrl === undefined || databaseUrl === '') {
    process.stderr.write('This key is not in the history: no database is named (--database-url, DATABASE_URL).\n');
    return;
  }
  const at = new Date().toISOString();
  const reason = `generated the node key ${keyId}`;
  const what = { v: 1, type: 'key-generated', id: `key-generated:${keyId}`, at, subject: keyId, reason } as const;
  try {
    await noteDeedAt(databaseUrl, { ...what, ...localDoer(why) });
  } catch (error) {
    throw fail('postgres-unreachable', messageOf(error), { cause: error });
  }
}

function writeNewFile(path: string, text: string): void {
  if (existsSync(path))
    throw fail('file', `${path} exists already`, { hint: 'Choose a new name; no key is overwritten.' });
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  }
}
