// Reads what `up` is told, and checks options, clusters and folders all at once.
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type Options, defineOptions, flag, integer, list, port, text } from '#libs/runtime/config.ts';
import { fail } from '#libs/runtime/errors.ts';
import { databaseOptions, natsOptions } from '#libs/runtime/shared-options.ts';
import { demoClusters, isInstalled, packageFolder } from '../demo/storefront.ts';
import { outputFormats } from '../shell/output-format.ts';
import { partNames } from './part-names.ts';
import { type PartTuning, parseTuning } from './part-tuning.ts';
import { type ClusterSource, parseClusterSource, repeatedNames } from './cluster-source.ts';

export const upOptions = defineOptions({
  cluster: {
    flag: '--cluster <name=source...>',
    env: 'FLEETGATE_CLUSTERS',
    schema: list(100),
    description: 'a cluster: NAME=DIR, a folder of manifests, or NAME=kubeconfig:CONTEXT; repeatable',
  },
  demo: { flag: '--demo', schema: flag(), description: 'run the storefront example, with its small services' },
  data: {
    flag: '--data <folder>',
    env: 'FLEETGATE_DATA',
    schema: text().optional(),
    description:
      'where everything is kept (default ~/.local/share/fleetgate; with --demo .data/demo in the checkout, ' +
      '~/.local/share/fleetgate-demo where it is installed)',
  },
  port: {
    flag: '--port <port>',
    env: 'FLEETGATE_UP_PORT',
    schema: port(),
    default: '7420',
    description: 'API, hub, /readyz and /metrics; 0 = any free one',
  },
  portOffset: {
    flag: '--port-offset <n>',
    env: 'FLEETGATE_PORT_OFFSET',
    schema: integer({ min: 0, max: 64_000 }),
    default: '8000',
    description: 'added to the port of every listener: 80 → 8080',
  },
  bind: {
    flag: '--bind <address>',
    env: 'FLEETGATE_BIND',
    schema: text(),
    default: '127.0.0.1',
    description: 'address of the API and of the listeners',
  },
  output: {
    flag: '--output <form>',
    schema: z.enum(outputFormats.session),
    default: outputFormats.session[0],
    description: 'auto = a live table in a terminal, else plain lines; plain; json = JSON lines',
  },
  kubeconfig: {
    flag: '--kubeconfig <file>',
    env: 'KUBECONFIG',
    schema: text().optional(),
    description: 'where contexts are looked up',
  },
  inspect: {
    flag: '--inspect <part=port...>',
    schema: list(100),
    description: 'let a debugger attach to a part, such as agent-eu; PORT may be left out (9229, 9230, …); repeatable',
  },
  logLevel: {
    flag: '--log-level <part=level...>',
    schema: list(100),
    description: 'log level of a part, such as projector=debug; repeatable',
  },
  databaseUrl: {
    ...databaseOptions.databaseUrl,
    schema: databaseOptions.databaseUrl.schema.optional(),
    description: 'a Postgres of your own instead of the embedded one',
  },
  natsUrl: {
    ...natsOptions.natsUrl,
    schema: natsOptions.natsUrl.schema.optional(),
    description: 'a NATS of your own, with JetStream, instead of the embedded one',
  },
});

export type UpSettings = Omit<Options<typeof upOptions>, 'cluster' | 'data' | 'inspect' | 'logLevel'> & {
  readonly clusters: readonly ClusterSource[];
  /** By the part's name. */
  readonly tuning: ReadonlyMap<string, PartTuning>;
  /** Absolute. */
  readonly data: string;
};

/** Reads the settings. Throws FleetgateError 'config' with every mistake in the clusters. */
export function readSettings(options: Options<typeof upOptions>, cwd: string, env: NodeJS.ProcessEnv): UpSettings {
  const { cluster, data, inspect, logLevel, ...rest } = options;
  const texts = cluster.length === 0 && options.demo ? demoClusters() : cluster;
  const results = texts.map((one) => parseClusterSource(one, cwd));
  const mistakes = results.flatMap((result) => ('problem' in result ? [result.problem] : []));
  const clusters = results.flatMap((result) => ('source' in result ? [result.source] : []));
  mistakes.push(...repeatedNames(clusters).map((name) => `the cluster ${name} is given twice`));
  for (const source of clusters) {
    if (source.type === 'folder' && !isFolder(source.folder))
      mistakes.push(`${source.name}: there is no folder ${source.folder}`);
  }
  if (texts.length === 0) mistakes.push('no cluster is given');
  const { tuning, problems } = parseTuning({ inspect, logLevel }, partNames(clusters, options.demo));
  mistakes.push(...problems);
  if (mistakes.length > 0) {
    throw fail('config', mistakes.map((mistake) => `\n  ${mistake}`).join(''), {
      hint:
        'For example: fleetgate up --cluster eu=./manifests --cluster us=kubeconfig:my-context; ' +
        'or try fleetgate up --demo.',
    });
  }
  return { ...rest, clusters, tuning, data: data === undefined ? defaultData(options.demo, env) : resolve(cwd, data) };
}

/** The demo's state belongs to its checkout: a new clone starts anew. An installed package keeps none beside itself. */
function defaultData(demo: boolean, env: NodeJS.ProcessEnv): string {
  if (demo && !isInstalled) return join(packageFolder, '.data', 'demo');
  const home = env['XDG_DATA_HOME'];
  const share = home === undefined || home === '' ? join(homedir(), '.local', 'share') : home;
  return join(share, demo ? 'fleetgate-demo' : 'fleetgate');
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
