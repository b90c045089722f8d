// Lists the operating faults: their codes, and what a person can do about each. Bad input of users is never one of
// these (it becomes a condition); bugs are assertions. The documentation of errors is tested against the table.

interface ErrorInfo {
  /** What went wrong, without the particulars; those follow after a colon. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}

export const errors = {
  config: { message: 'the configuration has mistakes', hint: 'Correct them; --help lists every option.' },
  'binary-missing': {
    message: 'a program that Fleetgate runs is missing',
    hint: 'Put it on PATH, or name it by its environment variable.',
  },
  'postgres-start': {
    message: 'the embedded Postgres did not start',
    hint: 'Read its log, or set DATABASE_URL to a Postgres of your own (version 15 or newer).',
  },
  'postgres-unreachable': {
    message: 'Postgres cannot be reached',
    hint: 'Check DATABASE_URL and that the server accepts connections.',
  },
  'postgres-full': {
    message: 'Postgres has no room',
    hint: 'Make room on its disk: it goes on by itself, and nothing is lost (docs/disk-full.md).',
  },
  'nats-start': {
    message: 'the embedded NATS server did not start',
    hint: 'Read its log, or set NATS_URL to a NATS server of your own with JetStream.',
  },
  'nats-unreachable': {
    message: 'NATS cannot be reached',
    hint: 'Check NATS_URL, its credentials, and that JetStream is enabled.',
  },
  'nats-publish': {
    message: 'NATS did not take a message',
    hint: 'It is sent again; if this stays, check the disk of nats-server (docs/disk-full.md).',
  },
  'nats-store': {
    message: 'JetStream stores nothing',
    hint:
      'Make room on the disk of nats-server, then restart it: it keeps the error until then. ' +
      'Nothing is lost (docs/disk-full.md).',
  },
  'nats-limit': {
    message: 'JetStream has reached a limit and stores nothing',
    hint:
      'Raise max_file_store of nats-server or the limit of the account, or remove other streams; ' +
      'nothing is lost, and it goes on by itself (docs/disk-full.md).',
  },
  'nats-request': { message: 'a request over NATS got no answer', hint: 'Check that the projector runs and is ready.' },
  'nats-stream': {
    message: 'the JetStream stream cannot be used',
    hint: 'Check that JetStream is enabled and that the account may create streams.',
  },
  'data-in-use': {
    message: 'the data folder is in use',
    hint: 'Stop the process that holds it, or choose another folder with --data.',
  },
  'port-in-use': { message: 'a port is taken', hint: 'Stop the process that holds it, or choose another port.' },
  'child-exited': {
    message: 'a child process ended before it was ready',
    hint: 'The lines that it logged last say why.',
  },
  'not-stopped': {
    message: 'the service did not stop in time',
    hint: 'It was ended; nothing is lost, it resumes where it was.',
  },
  'sealed-key': {
    message: 'sealed key material cannot be opened',
    hint: 'Give the node the private key of the fleet that the agent seals to.',
  },
  'schema-version': {
    message: 'the database has another schema than this version needs',
    hint: 'Run `fleetgate migrate`.',
  },
  'lock-lost': {
    message: 'another projector has taken over',
    hint: 'This one stands by; nothing needs to be done.',
  },
  restored: {
    message: 'the database is older than what was seen of it',
    hint: 'Give the commands again that expired and still hold; docs/backup-and-restore.md says how to find them.',
  },
  'projector-running': {
    message: 'a projector is running',
    hint: 'Stop every projector of this database, then try again.',
  },
  'rebuild-differs': {
    message: 'a rebuild from the history differs from what is stored',
    hint: 'Keep the database as it is and report this.',
  },
  'history-altered': {
    message: 'the history is not what was signed',
    hint: 'Keep the database as it is; docs/evidence.md says what to do.',
  },
  'checkpoint-untrusted': {
    message: 'a checkpoint or what belongs to it cannot be trusted',
    hint: 'Give the public keys of the log with --key, and what was published as it was (docs/evidence.md).',
  },
  'log-forked': {
    message: 'the history does not continue what was published of it',
    hint:
      'Nothing is signed until it does. Restore the newer backup, or publish as a new log ' +
      '(docs/evidence.md, “After a restore”).',
  },
  'snapshots-differ': {
    message: 'the history is what was signed, and what is stored beside it does not follow from it',
    hint: 'Keep the database as it is and report this; `fleetgate rebuild` writes anew what follows.',
  },
  'event-readable': {
    message: 'an event can be read and needs no repair',
    hint: '`fleetgate rebuild --verify` names those that cannot.',
  },
  'event-unreadable': {
    message: 'an event of the history cannot be read',
    hint: 'Keep the database as it is; `fleetgate rebuild --verify` names every such event, and --repair mends one.',
  },
  'grant-refused': {
    message: 'the rights of a writer could not be granted',
    hint: 'The role must be there (`create role … login`) and own nothing; grant as the owner of the tables.',
  },
  archive: {
    message: 'what left the database cannot be reached',
    hint: 'Read it with `fleetgate archive events`; docs/archive.md says how.',
  },
  'log-differs': {
    message: 'the history is not what was appended to it',
    hint: 'Keep the database as it is; `fleetgate audit verify` names every such event.',
  },
  'kube-unreachable': {
    message: 'the Kubernetes API server cannot be reached',
    hint: 'Check the context and its credentials with `kubectl --context … version`.',
  },
  'kube-context': {
    message: 'the kubeconfig has no such context',
    hint: '`kubectl config get-contexts` lists what there is.',
  },
  'kube-refused': {
    message: 'the Kubernetes API server refused a call',
    hint: 'Check the permissions of the account; `fleetgate agent manifest` prints what the agent needs.',
  },
  'agent-not-ready': {
    message: 'the agent in the cluster is not ready',
    hint: 'Its log says why: `kubectl -n fleetgate-system logs deployment/fleetgate-agent`.',
  },
  'cluster-refused': {
    message: 'the fleet refuses this cluster',
    hint: 'The message says why. Where the name belongs to another cluster, choose one with --cluster.',
  },
  folder: { message: 'the folder of manifests cannot be read', hint: 'Check the path and its permissions.' },
  'envoy-start': { message: 'Envoy did not start', hint: 'Read its log in the folder of the node.' },
  'envoy-rejected': {
    message: 'Envoy rejected a snapshot',
    hint: 'The previous snapshot serves; `fleetgate nodes` shows the reasons.',
  },
  'control-unreachable': {
    message: 'the control service cannot be reached',
    hint: 'Start `fleetgate up`, or set FLEETGATE_URL.',
  },
  'control-refused': {
    message: 'the control service refused',
    hint: 'Check FLEETGATE_TOKEN and the role of the token.',
  },
  'not-found': { message: 'there is no such thing', hint: 'Check the name; `fleetgate gateways` lists what there is.' },
  'command-refused': { message: 'the command was refused', hint: 'The reason says what to change.' },
  'not-decided': {
    message: 'the command was not decided in time',
    hint: 'It is not carried out later. Check that the projector runs, and give it again; the history has its end.',
  },
  'not-confirmed': {
    message: 'another person must confirm the command',
    hint: '`fleetgate approvals` shows it; somebody else runs `fleetgate approve ID`. --wait waits for that.',
  },
  'not-applied': {
    message: 'not all nodes have applied the version',
    hint: '`fleetgate nodes` shows what each of them serves.',
  },
  file: { message: 'a file cannot be used', hint: 'Check the path and its permissions.' },
} as const satisfies Readonly<Record<string, ErrorInfo>>;

export type ErrorCode = keyof typeof errors;

/** Tells the person who runs Fleetgate of an operating fault, with its code and a hint. `fail` makes it. */
export class FleetgateError extends Error {
  override readonly name = 'FleetgateError';
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, detail: string, options: { readonly cause?: unknown; readonly hint?: string } = {}) {
    super(`${errors[code].message}: ${detail}`, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? errors[code].hint;
  }
}

/**
 * Makes the error of a code; `detail` names the particulars, `hint` replaces the table's where the case knows better.
 */
export function fail(
  code: ErrorCode,
  detail: string,
  options: { readonly cause?: unknown; readonly hint?: string } = {},
): FleetgateError {
  return new FleetgateError(code, detail, options);
}

/** Gives the message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Says for people what went wrong and, of an operating fault, what to do about it. */
export function sentenceOf(error: unknown): string {
  return error instanceof FleetgateError ? `${error.message}. ${error.hint}` : messageOf(error);
}
