// Lists the parts of an `up`, and how each is called. Pure.
import { join } from 'node:path';
import type { DataFolder } from '../local/data-folder.ts';
import { agentName } from './part-names.ts';
import type { PartSpec } from './part.ts';
import { hostOf } from './ports.ts';
import type { FleetSecrets } from '../local/secrets.ts';
import type { UpSettings } from './settings.ts';

export interface PartPorts {
  readonly control: number;
  readonly projector: number;
  readonly proxy: number;
  /** In the order of the clusters. */
  readonly agents: readonly number[];
}

export interface PartContext {
  readonly settings: UpSettings;
  readonly folder: DataFolder;
  readonly secrets: FleetSecrets;
  readonly ports: PartPorts;
  readonly databaseUrl: string;
  /** The same database, for the projector. */
  readonly writerUrl: string;
  readonly natsUrl: string;
  readonly cacheFolder: string;
}

const local = '127.0.0.1';

/** Lists the parts in the order in which they are started. */
export function listParts(context: PartContext): readonly PartSpec[] {
  const parts = [projector(context), control(context), proxy(context), ...agents(context), ...upstreams(context)];
  return parts.map((part) => {
    const tuning = context.settings.tuning.get(part.name);
    return tuning === undefined ? part : { ...part, nodeArgs: tuning.nodeArgs, env: { ...part.env, ...tuning.env } };
  });
}

function projector({ ports, writerUrl, natsUrl, cacheFolder }: PartContext): PartSpec {
  return {
    name: 'projector',
    args: ['projector', '--host', local, '--port', String(ports.projector)],
    env: { ...baseEnv(cacheFolder), DATABASE_URL: writerUrl, NATS_URL: natsUrl },
    health: `http://${local}:${ports.projector}`,
  };
}

function control({ settings, ports, databaseUrl, natsUrl, cacheFolder }: PartContext): PartSpec {
  return {
    name: 'control',
    args: ['control', '--host', settings.bind, '--port', String(ports.control)],
    env: { ...baseEnv(cacheFolder), DATABASE_URL: databaseUrl, NATS_URL: natsUrl },
    health: `http://${hostOf(settings.bind)}:${ports.control}`,
  };
}

function proxy({ settings, folder, secrets, ports, cacheFolder }: PartContext): PartSpec {
  return {
    name: 'proxy',
    args: [
      'proxy',
      ...['--node', 'local', '--control-url', `http://${hostOf(settings.bind)}:${ports.control}`],
      ...[
        '--bind',
        settings.bind,
        '--address',
        hostOf(settings.bind).replaceAll(/[[\]]/gu, ''),
        '--port-offset',
        String(settings.portOffset),
        '--data',
        folder.node,
      ],
      ...['--node-key-file', folder.nodeKey, '--health-port', String(ports.proxy), '--drain', '1s'],
    ],
    env: { ...baseEnv(cacheFolder), FLEETGATE_TOKEN: secrets.nodeToken },
    health: `http://${local}:${ports.proxy}`,
  };
}

function agents({ settings, folder, secrets, ports, natsUrl, cacheFolder }: PartContext): readonly PartSpec[] {
  return settings.clusters.map((source, index) => {
    const port = ports.agents[index] ?? 0;
    const where =
      source.type === 'folder'
        ? ['--folder', source.folder]
        : [
            '--context',
            source.context,
            ...(settings.kubeconfig === undefined ? [] : ['--kubeconfig', settings.kubeconfig]),
          ];
    return {
      name: agentName(source.name),
      args: [
        'agent',
        ...['--cluster', source.name, ...where, '--data', join(folder.agents, source.name)],
        ...['--host', local, '--port', String(port)],
      ],
      env: { ...baseEnv(cacheFolder), NATS_URL: natsUrl, FLEETGATE_NODE_PUBLIC_KEY: secrets.publicKey },
      health: `http://${local}:${port}`,
    };
  });
}

function upstreams({ settings, cacheFolder }: PartContext): readonly PartSpec[] {
  const folders = settings.clusters.flatMap((source) =>
    source.type === 'folder' ? [`${source.name}=${source.folder}`] : [],
  );
  if (!settings.demo || folders.length === 0) return [];
  return [{ name: 'demo-upstreams', args: ['demo-upstreams', ...folders], env: baseEnv(cacheFolder) }];
}

function baseEnv(cacheFolder: string): Readonly<Record<string, string>> {
  return { NODE_COMPILE_CACHE: join(cacheFolder, 'compiled') };
}
