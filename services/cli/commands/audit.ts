// Runs `fleetgate audit …`: the key of the log, its publication, its verification, and proofs of single events.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { addOptions, readOptions } from '#libs/runtime/config.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { localDoer, noteDeedAt } from '#libs/runtime/postgres/deeds.ts';
import { formatVerifierKey } from '#libs/tlog/note-key.ts';
import { generateLogKey, readVerifierKeys } from '../../projector/audit/log-keys.ts';
import { checkProofOptions, proveOptions, publishOptions, verifyOptions } from '../../projector/audit/options.ts';
import { checkProof } from '../../projector/audit/proof-check.ts';
import { proveEvent } from '../../projector/audit/proving.ts';
import { publishOnce, startPublishing } from '../../projector/audit/publishing.ts';
import { failureOf, verifyAudit } from '../../projector/audit/verifying.ts';
import { configureAuditErase } from './audit-erase.ts';
import { withLocalDatabase } from '../local/local-database.ts';
import { outputFormats, outputOption, printAnswer } from '../shell/output-format.ts';
import { auditText } from '../views/audit-text.ts';
import { checkedProofText } from '../views/proof-text.ts';

type Flags = Record<string, unknown>;

const outputFlag = z.object({ output: z.enum(outputFormats.answer) });
const keyFlags = outputFlag.extend({
  name: z.string(),
  file: z.string(),
  databaseUrl: z.string().optional(),
  reason: z.string().max(1000).optional(),
});

/** Adds the sub-commands. */
export function configureAudit(command: Command): void {
  const key = command.command('key').summary('the key that signs the log of the history');
  configureKey(key.command('generate').summary('make a key and print its public half'));
  configurePublish(
    command.command('publish').summary('sign size and root of the history again and again, and publish its log'),
  );
  configureVerify(
    command
      .command('verify')
      .summary('compute the log of the history anew and compare it with what was signed; name what was altered'),
  );
  configureProve(
    command
      .command('prove')
      .summary('print a proof that an event is in the history that was signed')
      .argument('<event>', 'its number, as `fleetgate events` shows it, or its id'),
  );
  configureCheckProof(
    command
      .command('check-proof')
      .summary('check such a proof, without a database')
      .argument('<file>', 'the proof, or the JSON that holds it; - = standard input'),
  );
  configureAuditErase(
    command
      .command('erase')
      .summary('erase a name or an address of a person from the history')
      .argument('<person>', 'the whole text, or person-… as answers show it'),
  );
}

function configureKey(command: Command): void {
  command
    .description(
      'Makes an Ed25519 key for the log of that name. The private half goes to a new file (0600) and nowhere else; ' +
        'the public half is for everybody who verifies.',
    )
    .requiredOption('--name <name>', 'name of the log, such as fleet.example.com/history; no white space, no plus')
    .requiredOption('--file <file>', 'new file for the private half')
    .option('--database-url <url>', 'note the key in this history (env DATABASE_URL)')
    .option('--reason <text>', 'why; kept in the history')
    .addOption(outputOption('answer'))
    .action(async (flags: Flags) => {
      const { name, file, output, databaseUrl, reason } = keyFlags.parse(flags);
      const signer = generateLogKey(name, file);
      const publicKey = formatVerifierKey(signer);
      await noteKey(publicKey, databaseUrl ?? (await withLocalDatabase(process.env))['DATABASE_URL'], reason);
      printAnswer(output, { name, publicKey, file }, () =>
        [`public key   ${publicKey}`, `private key  in ${file}`].join('\n'),
      );
    });
}

async function noteKey(publicKey: string, databaseUrl: string | undefined, why: string | undefined): Promise<void> {
  if (databaseUrl === undefined || databaseUrl === '') {
    process.stderr.write('This key is not in the history: no database is named (--database-url, DATABASE_URL).\n');
    return;
  }
  const at = new Date().toISOString();
  const reason = `generated the key ${publicKey} of the log`;
  const what = {
    v: 1,
    type: 'log-key-generated',
    id: `log-key-generated:${publicKey}`,
    at,
    subject: publicKey,
    reason,
  };
  try {
    await noteDeedAt(databaseUrl, { ...what, v: 1, type: 'log-key-generated', ...localDoer(why) });
  } catch (error) {
    throw fail('postgres-unreachable', messageOf(error), { cause: error });
  }
}

function configurePublish(command: Command): void {
  addOptions(command, publishOptions)
    .addOption(outputOption('answer', 'with --once'))
    .action(async (flags: Flags) => {
      const env = await withLocalDatabase(process.env);
      const log = createLogger({ service: 'publisher' });
      if (flags['once'] !== true) {
        runService(
          'publisher',
          async (signal) => startPublishing(readOptions(publishOptions, flags, env), log, signal),
          {
            log,
          },
        );
        return;
      }
      const publication = await publishOnce(readOptions(publishOptions, flags, env), log);
      const { size, root, events, cosigned } = publication;
      const by = cosigned.length === 0 ? '' : `, cosigned by ${cosigned.join(', ')}`;
      printAnswer(outputFlag.parse(flags).output, publication, () =>
        events === 0 ? `nothing is new: ${size} events are published` : `published ${size} events, root ${root}${by}`,
      );
    });
}

function configureVerify(command: Command): void {
  addOptions(command, verifyOptions)
    .addOption(outputOption('answer'))
    .action(async (flags: Flags) => {
      const env = await withLocalDatabase(process.env);
      const options = readOptions(verifyOptions, flags, env);
      const report = await verifyAudit(options, (line) => process.stderr.write(`${line}\n`));
      printAnswer(outputFlag.parse(flags).output, report, () => auditText(report));
      const failure = failureOf(report);
      if (failure !== undefined) throw failure;
    });
}

function configureProve(command: Command): void {
  addOptions(command, proveOptions)
    .addOption(outputOption('answer', 'json puts the event beside the proof'))
    .action(async (event: string, flags: Flags) => {
      const env = await withLocalDatabase(process.env);
      const proof = await proveEvent(event, readOptions(proveOptions, flags, env));
      printAnswer(outputFlag.parse(flags).output, proof, () => proof.proof.trimEnd());
    });
}

function configureCheckProof(command: Command): void {
  addOptions(command, checkProofOptions)
    .addOption(outputOption('answer'))
    .action((file: string, flags: Flags) => {
      const keys = readVerifierKeys(readOptions(checkProofOptions, flags, process.env).key);
      if (keys.length === 0) throw fail('config', '--key is required: the public key of the log');
      const checked = checkProof(readProof(file), file, keys);
      printAnswer(outputFlag.parse(flags).output, checked, () => checkedProofText(checked));
    });
}

function readProof(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw fail('file', `${file} (${messageOf(error)})`, { cause: error });
  }
}
