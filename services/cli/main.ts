// Runs the `fleetgate` command: finds the sub-command in the table, loads it alone, and turns a failure into text and
// exit code.
import { Command } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { commandTable } from './command-table.ts';
import { endWithReader } from './shell/closed-output.ts';
import { exitCodeLines } from './shell/exit-code.ts';
import { describeFailure } from './shell/failure.ts';

const program = new Command('fleetgate')
  .description('Manages the Kubernetes Gateway API of a fleet of clusters as one event-sourced system.')
  // What stands after the name of a sub-command is the sub-command's, also where its parent has the option too.
  .enablePositionalOptions()
  .version(packageFile.version)
  .exitOverride()
  .showSuggestionAfterError()
  .addHelpText('after', () => {
    const where = 'Where: the local `fleetgate up`, or FLEETGATE_URL with FLEETGATE_TOKEN.';
    return `\nExit codes:\n${exitCodeLines().join('\n')}\n\n${where}`;
  });

endWithReader();
const args = process.argv.slice(2);
const words = args.filter((arg) => !arg.startsWith('-'));
const wanted = words[0] === 'help' ? words[1] : words[0];
try {
  for (const entry of commandTable) {
    const command = program
      .command(entry.name, { hidden: entry.hidden ?? false })
      .summary(entry.summary)
      .description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`)
      .helpGroup(entry.group);
    if (entry.name === wanted) (await entry.load())(command);
  }
  if (args.length === 0) program.outputHelp();
  else await program.parseAsync(args, { from: 'user' });
} catch (error) {
  const { exitCode, text } = describeFailure(error);
  process.stderr.write(text);
  process.exitCode = exitCode;
}
