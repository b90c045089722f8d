// The `fleetgate` command: finds the command in the table, loads it alone, runs it, and turns a failure into text and exit code.
import { Command } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { commandTable } from './command-table.ts';
import { describeFailure, exitCodes } from './failure.ts';

const program = new Command('fleetgate')
  .description('Manages the Kubernetes Gateway API of a fleet of clusters as one event-sourced system.')
  // What stands after the name of a sub-command is the sub-command's, also where its parent has the option too.
  .enablePositionalOptions()
  .version(packageFile.version)
  .exitOverride()
  .showSuggestionAfterError()
  .addHelpText('after', () => {
    const lines = Object.entries(exitCodes).map(([code, meaning]) => `  ${code}  ${meaning}`);
    return `\nExit codes:\n${lines.join('\n')}\n\nWhere: the local \`fleetgate up\`, or FLEETGATE_URL with FLEETGATE_TOKEN.`;
  });

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
