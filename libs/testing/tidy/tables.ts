// Says what the layout allows: who may import whom, and which large folders are of one kind. A row that nothing needs
// is a fault, too.

export interface Tables {
  /** Folder → the project's folders that it may import; a folder may always import itself. Leftward only. */
  readonly imports: Readonly<Record<string, readonly string[]>>;
  /** What tests of a folder may import beside that: whom they compare with, or whose output they compile. */
  readonly testImports: Readonly<Record<string, readonly string[]>>;
  /** Folders without I/O, clock and chance, and the packages that they may use all the same. */
  readonly pure: readonly string[];
  readonly pureModules: readonly string[];
  /** Package → the one file that imports it. */
  readonly onlyImporter: Readonly<Record<string, string>>;
  /** Folder with more files than `folderFilesMax` → what each of its files is. */
  readonly oneKind: Readonly<Record<string, string>>;
  readonly folderFilesMax: number;
  /** Folder → how many rooms it may have, and how many pairs of rooms of which one imports the other. */
  readonly rooms: Readonly<Record<string, { readonly roomsMax: number; readonly arrowsMax: number }>>;
  /** Documents whose paths must exist. */
  readonly guides: readonly string[];
}

/** The layout of this repository. */
export const tables: Tables = {
  imports: {
    'libs/gateway': [],
    'libs/events': ['libs/gateway'],
    'libs/fleet': ['libs/gateway', 'libs/events'],
    'libs/snapshot': ['libs/gateway', 'libs/events'],
    'libs/derivation': [],
    'libs/projection': ['libs/gateway', 'libs/events', 'libs/fleet', 'libs/snapshot', 'libs/derivation'],
    'libs/protocol': ['libs/gateway', 'libs/events', 'libs/snapshot'],
    'libs/xds': ['libs/gateway', 'libs/events', 'libs/snapshot'],
    'libs/matching': ['libs/gateway', 'libs/snapshot'],
    'libs/tlog': [],
    'libs/api': ['libs/gateway'],
    'libs/runtime': ['libs/events'],
    'libs/testing': ['libs', 'migrations'],
    'services/agent': ['libs'],
    'services/projector': ['libs', 'migrations'],
    'services/control': ['libs'],
    'services/proxy': ['libs'],
    'services/cli': ['libs', 'migrations', 'services'],
    migrations: ['libs'],
    loadtest: ['libs', 'services', 'migrations', 'tools'],
    tools: ['libs', 'services', 'migrations'],
  },
  testImports: {
    '*': ['libs/testing', 'libs/runtime'],
    'libs/matching': ['libs/projection'],
    'services/control': ['services/projector'],
  },
  pure: [
    'libs/gateway',
    'libs/events',
    'libs/fleet',
    'libs/snapshot',
    'libs/derivation',
    'libs/projection',
    'libs/protocol',
    'libs/matching',
    'libs/tlog',
    'libs/api',
  ],
  pureModules: ['node:crypto', 'node:assert', 'node:util', 're2js', 'zod'],
  onlyImporter: { nats: 'libs/runtime/nats/nats.ts' },
  oneKind: {
    'libs/api/models': 'what the API says of one thing',
    'libs/xds/envoy': 'an Envoy resource or a part of one',
    'services/cli/commands': 'a command of `fleetgate`',
    'services/cli/views': 'how one answer is shown',
  },
  folderFilesMax: 20,
  rooms: { 'libs/projection': { roomsMax: 8, arrowsMax: 20 } },
  guides: ['ARCHITECTURE.md', 'CONTRIBUTING.md'],
};
