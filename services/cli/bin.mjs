#!/usr/bin/env node
// Starts the `fleetgate` command. It is plain JavaScript for Node 20 and newer, and hands over to main.ts, on the Node
// of node_modules where this one is too old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const packages = join(folder, '..', '..', 'node_modules');
const main = join(folder, 'main.ts');
const ownNode = join(packages, '.bin', 'node');

if (!existsSync(join(packages, 'commander'))) {
  stop(`its npm packages are missing.\n  Run \`npm ci\` in ${dirname(packages)}, then this again.`);
} else if (Number.parseInt(process.versions.node, 10) >= 24 && process.features.typescript) {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  nodeModule.enableCompileCache?.(join(cache, 'fleetgate', 'compiled'));
  await import(main);
} else if (existsSync(ownNode)) {
  handOver();
} else {
  const remedy = `Run \`npm ci\` in ${dirname(packages)}: it brings a newer Node from npm for this folder only.`;
  stop(`this is Node ${process.versions.node} and Fleetgate needs 24 or newer.\n  ${remedy}`);
}

function handOver() {
  const child = spawn(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}

function stop(reason) {
  process.stderr.write(`fleetgate cannot start: ${reason}\n`);
  process.exit(1);
}
