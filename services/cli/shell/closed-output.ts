// Ends a command whose reader went away, as in `fleetgate events --limit 0 | head`: quietly, as programs do that a
// closed pipe ends. What runs until it is told to stop is told so.

/** 128 + SIGPIPE, as a shell has it. */
const endedByPipe = 141;

/** From now on, an output that nobody reads any more ends the process; any other fault of an output is thrown. */
export function endWithReader(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
      else process.exit(endedByPipe);
    });
  }
}
