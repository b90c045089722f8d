// Ends a process whose reader went away, as in `fleetgate events --limit 0 | head`: quietly, as the system ends
// programs that write into a closed pipe. The parts of an `up` end with it, as they do when it is killed.

/** 128 + SIGPIPE, as a shell has it. */
const endedByPipe = 141;

/** From now on, an output that nobody reads any more ends the process; any other fault of an output is thrown. */
export function endWithReader(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(endedByPipe);
    });
  }
}
