#!/usr/bin/env node
// Starts the `fleetgate` command. It is plain JavaScript for Node 20 and newer, and hands over to the main module (of a
// checkout main.ts, of an installed package its build in dist/), on the Node of node_modules where this one is too old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const root = join(folder, '..', '..');
const source = join(folder, 'main.ts');
const isCheckout = existsSync(source);
const main = isCheckout ? source : join(root, 'dist', 'services', 'cli', 'main.js');
const install = isCheckout ? `Run \`npm ci\` in ${root}` : 'Install fleetgate again, with its optional packages';

if (findPackage('commander') === undefined) {
  stop(`its npm packages are missing.\n  ${install}, then run this again.`);
} else if (isNewEnough()) {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  nodeModule.enableCompileCache?.(join(cache, 'fleetgate', 'compiled'));
  await import(pathToFileURL(main).href);
} else {
  const ownNode = findNode();
  if (ownNode !== undefined) handOver(ownNode);
  else {
    const why = `this is Node ${process.versions.node} and Fleetgate needs 24 or newer`;
    stop(`${why}.\n  ${install}: it brings a newer Node from npm for this folder only.`);
  }
}

function isNewEnough() {
  return Number.parseInt(process.versions.node, 10) >= 24 && (!isCheckout || Boolean(process.features.typescript));
}

/** Finds a package as Node does: npm puts it beside the package that needs it, or into a folder further up. */
function findPackage(name) {
  for (let at = root; ; at = dirname(at)) {
    const found = join(at, 'node_modules', name);
    if (existsSync(found)) return found;
    if (dirname(at) === at) return undefined;
  }
}

function findNode() {
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
    const node = join(findPackage(name) ?? root, 'bin', 'node');
    if (existsSync(node)) return node;
  }
  return undefined;
}

function handOver(ownNode) {
  // The one that is handed over to ends when this process does, however it ends.
  const env = { ...process.env, FLEETGATE_LAUNCHER: String(process.pid) };
  const child = spawn(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}

function stop(reason) {
  process.stderr.write(`fleetgate cannot start: ${reason}\n`);
  process.exit(1);
}
