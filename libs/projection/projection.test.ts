// Folds manifests, and compares entries, statuses and discovery with golden files.
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { Projection } from './projection.ts';
import type { ProjectionChange } from '#libs/projection/versions/projection-change.ts';
import { readManifests } from '#libs/testing/given/change-events.ts';
import { goldenJson } from '#libs/testing/golden.ts';

const folder = new URL('testdata/', import.meta.url);

void t.test('golden pairs', async (t) => {
  const cases = readdirSync(folder).flatMap((file) =>
    file.endsWith('.in.yaml') ? [file.replace('.in.yaml', '')] : [],
  );
  for (const name of cases.toSorted()) {
    const events = readManifests(readFileSync(new URL(`${name}.in.yaml`, folder), 'utf8'));
    const projection = new Projection();
    const change = projection.apply(
      {
        events: events
          .filter(({ kind }) => kind !== 'EndpointSlice')
          .map((event, i) => ({ seq: BigInt(i + 1), event })),
        slices: events.filter(({ kind }) => kind === 'EndpointSlice'),
        sealed: [],
      },
      () => ({ digest: '', entries: new Map() }),
    );
    const file = new URL(`${name}.out.json`, folder);
    goldenJson(t, file, toReadable(change));
  }
});

/** The change with the entries in place of their hashes, and conditions as one line each. */
function toReadable(change: ProjectionChange): unknown {
  const gateways = change.versions.map(({ gateway, changes }) => [
    gateway,
    Object.fromEntries(changes.map(({ key, hash }) => [key, parse(change.entries.get(hash ?? '') ?? 'null')])),
  ]);
  const statuses = change.statuses.map(({ cluster, kind, namespace, name, status }) => [
    [cluster, kind, namespace, name].join('/'),
    status,
  ]);
  const discovery = change.discovery.map(({ key, item }) => [key, item]);
  return {
    entries: Object.fromEntries(gateways),
    statuses: shorten(Object.fromEntries(statuses)),
    discovery: Object.fromEntries(discovery),
  };
}

function shorten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shorten);
  if (typeof value !== 'object' || value === null) return value;
  if (
    'observedGeneration' in value &&
    'type' in value &&
    'status' in value &&
    'reason' in value &&
    'message' in value
  ) {
    const { type, status, reason, message, observedGeneration } = value;
    const judgement = `${String(type)}=${String(status)} ${String(reason)} @${String(observedGeneration)}`;
    return message === '' ? judgement : `${judgement}: ${String(message)}`;
  }
  const fields = Object.entries(value).filter(([key]) => key !== 'controllerName' && key !== 'supportedFeatures');
  return Object.fromEntries(fields.map(([key, field]) => [key, shorten(field)]));
}

function parse(json: string): unknown {
  return JSON.parse(json);
}
