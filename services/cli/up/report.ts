// Tells what `up` does in three forms: lines and a live table for a terminal, plain lines for a log, JSON lines for
// programs.
import { cut } from '../views/table.ts';

/** One thing that happened. As JSON it is printed as it stands, with a time. */
type UpEvent =
  | { readonly event: 'progress'; readonly message: string }
  | { readonly event: 'part-started'; readonly part: string; readonly pid: number }
  | { readonly event: 'part-ended'; readonly part: string; readonly reason: string }
  | { readonly event: 'warning'; readonly message: string }
  | { readonly event: 'changed'; readonly message: string }
  | {
      readonly event: 'ready';
      readonly tookMs: number;
      readonly url: string;
      readonly data: string;
      readonly listeners: readonly { readonly gateway: string; readonly name: string; readonly url: string }[];
      /** Lines for people: what to do next. */
      readonly next: readonly string[];
    }
  | { readonly event: 'stopping' }
  | { readonly event: 'stopped' };

export interface Report {
  tell(event: UpEvent): void;
  /** Shows the live table at the bottom of a terminal, and nowhere else. */
  board(render: (width: number) => string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

export type ReportForm = 'terminal' | 'plain' | 'json';

interface Output {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

const forms: Readonly<Record<ReportForm, (output: Output) => Report>> = {
  json: (output) =>
    lineReport((event) => output.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`)),
  plain: (output) =>
    lineReport((event) => {
      const text = linesOf(event);
      const isLog = event.event === 'changed' || event.event === 'warning' || event.event === 'part-ended';
      if (text !== '') output.write(`${isLog ? `${new Date().toISOString()} ` : ''}${text}\n`);
    }),
  terminal: terminalReport,
};

/** Starts the report in one form. */
export function startReport(form: ReportForm, output: Output): Report {
  return forms[form](output);
}

/** Writes an event for people; '' for those that only programs need. */
export function linesOf(event: UpEvent): string {
  if (event.event === 'ready') {
    return [`\nFleetgate is ready in ${(event.tookMs / 1000).toFixed(1)} s.\n`, ...event.next].join('\n');
  }
  if (event.event === 'part-ended') return `! ${event.part} ended (${event.reason}) and is restarted`;
  if (event.event === 'part-started') return '';
  if ('message' in event) return `${event.event === 'warning' ? '!' : ' '} ${event.message}`;
  return event.event === 'stopping' ? 'stopping …' : 'stopped';
}

function lineReport(tell: (event: UpEvent) => void): Report {
  return { tell, board: () => undefined, close: () => undefined };
}

/** Lets lines scroll up, and draws the table below them again in place. */
function terminalReport(output: Output): Report {
  let drawn = 0;
  let render: ((width: number) => string) | undefined;
  const erase = (): void => {
    if (drawn > 0) output.write(`\u001B[${drawn}A\u001B[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    if (render === undefined) return;
    const width = output.columns ?? 80;
    // A table higher than the screen could not be erased again.
    const lines = render(width)
      .split('\n')
      .slice(0, Math.max(1, (output.rows ?? 24) - 2));
    output.write(`${lines.map((line) => cut(line, width)).join('\n')}\n`);
    drawn = lines.length;
  };
  return {
    tell(event) {
      // The table shows what changed.
      const text = event.event === 'changed' ? '' : linesOf(event);
      if (text === '') return;
      erase();
      output.write(`${text}\n`);
      draw();
    },
    board(next) {
      render = next;
      erase();
      draw();
    },
    close() {
      erase();
      render = undefined;
    },
  };
}
