// Reads what a developer wants of single parts of an `up`: a debugger attached, another log level.
import { logLevels } from '#libs/runtime/log.ts';

export interface PartTuning {
  /** Before the script, for Node itself. */
  readonly nodeArgs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where its inspector listens, `127.0.0.1:9229`. */
  readonly inspector?: string;
}

interface TuningOptions {
  /** `projector`, or `projector=9230`, each. */
  readonly inspect: readonly string[];
  /** `projector=debug` each. */
  readonly logLevel: readonly string[];
}

interface ParsedTuning {
  readonly tuning: ReadonlyMap<string, PartTuning>;
  readonly problems: readonly string[];
}

const firstInspectorPort = 9229;

/** Reads `--inspect` and `--log-level` for the parts that there are; names each mistake. */
export function parseTuning({ inspect, logLevel }: TuningOptions, parts: readonly string[]): ParsedTuning {
  const tuning = new Map<string, PartTuning>();
  const problems: string[] = [];
  const tune = (flag: string, part: string, more: (old: PartTuning) => PartTuning): void => {
    if (parts.includes(part)) tuning.set(part, more(tuning.get(part) ?? { nodeArgs: [], env: {} }));
    else problems.push(`${flag}: there is no part ${part}; the parts are ${parts.join(', ')}`);
  };
  for (const [index, text] of inspect.entries()) {
    const [part = '', port = String(firstInspectorPort + index)] = text.split('=');
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) problems.push(`--inspect: ${port} is no port`);
    const inspector = `127.0.0.1:${port}`;
    tune('--inspect', part, (old) => ({ ...old, nodeArgs: [`--inspect=${inspector}`], inspector }));
  }
  for (const text of logLevel) {
    const [part = '', level = ''] = text.split('=');
    if (!logLevels.some((one) => one === level))
      problems.push(`--log-level: ${text} is not PART=LEVEL, one of ${logLevels.join(', ')}`);
    tune('--log-level', part, (old) => ({ ...old, env: { FLEETGATE_LOG_LEVEL: level } }));
  }
  return { tuning, problems };
}
