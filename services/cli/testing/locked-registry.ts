// For tests: a registry on 127.0.0.1 that has the packages of package-lock.json and no others, with the tarballs that
// `npm ci` left in npm's cache. So `npm install` works as anywhere, and without the network.
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { listenOn } from '#libs/runtime/ports.ts';

interface LockedRegistry {
  readonly url: string;
  stop(): Promise<void>;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  /** Path of the tarball here. */
  readonly tarball: string;
}

const lockEntry = z.looseObject({
  version: z.string(),
  integrity: z.string().optional(),
  dev: z.boolean().optional(),
  name: z.string().optional(),
});
const lockFile = z.object({ packages: z.record(z.string(), z.unknown()) });

/** Serves what the lock file of `checkout` holds from the npm cache; throws when the cache lacks a package. */
export async function startLockedRegistry(checkout: string, cache: string): Promise<LockedRegistry> {
  const versions = new Map<string, Map<string, Manifest>>();
  const tarballs = new Map<string, string>();
  let url = '';
  const { packages } = lockFile.parse(JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')));
  for (const [path, value] of Object.entries(packages)) {
    if (path === '') continue;
    const { integrity, dev, ...entry } = lockEntry.parse(value);
    if (dev === true || integrity === undefined) continue;
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const tarball = `/-/${name}/${entry.version}.tgz`;
    tarballs.set(tarball, contentOf(cache, integrity));
    const known = versions.get(name) ?? new Map<string, Manifest>();
    known.set(entry.version, { ...entry, name, integrity, tarball });
    versions.set(name, known);
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const file = tarballs.get(path);
    const known = versions.get(path.slice(1));
    if (file !== undefined && existsSync(file)) return void createReadStream(file).pipe(response);
    if (known === undefined) return void response.writeHead(404).end(`npm's cache has no ${path}: run npm ci first`);
    const manifests = [...known].map(([version, manifest]) => [version, manifestAt(url, manifest)]);
    const newest = [...known.keys()].at(-1);
    const answer = { name: path.slice(1), 'dist-tags': { latest: newest }, versions: Object.fromEntries(manifests) };
    return void response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  url = `http://127.0.0.1:${await listenOn(server, { host: '127.0.0.1', port: 0 })}`;
  return {
    url,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function manifestAt(url: string, { integrity, tarball, ...manifest }: Manifest): object {
  return { ...manifest, dist: { integrity, tarball: `${url}${tarball}` } };
}

/** Says where npm's cache keeps a tarball of that integrity (`sha512-…`). */
function contentOf(cache: string, integrity: string): string {
  const [algorithm = '', digest = ''] = integrity.split('-', 2);
  const hex = Buffer.from(digest, 'base64').toString('hex');
  return join(cache, '_cacache', 'content-v2', algorithm, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4));
}
