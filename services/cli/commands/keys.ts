// Runs `fleetgate keys generate`: makes the fleet's node key pair. Agents get the public half, nodes the private one.
import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { generateNodeKey, keyIdOf } from '#libs/runtime/hpke.ts';
import { type AnswerFormat, outputOption } from '../shell/output-format.ts';

/** Adds the sub-command. */
export function configureKeys(command: Command): void {
  command
    .command('generate')
    .summary('make a new key pair')
    .description(
      'Makes a new X25519 key pair: ' +
        'agents seal TLS keys to the public half, only nodes open them with the private one.',
    )
    .option('--private-key-file <file>', 'write the private half to this new file (0600) instead of printing it')
    .addOption(outputOption('answer'))
    .action((options: { readonly privateKeyFile?: string; readonly output: AnswerFormat }) => {
      const { privateKey, publicKey } = generateNodeKey();
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

function writeNewFile(path: string, text: string): void {
  if (existsSync(path))
    throw fail('file', `${path} exists already`, { hint: 'Choose a new name; no key is overwritten.' });
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  }
}
