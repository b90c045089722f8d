#!/usr/bin/env node
// From a clean clone to a running script: `node tools/bootstrap.mjs <file.ts> [args]`. Installs the npm packages when
// they are missing or older than the lock file, then runs the file with the Node of node_modules. Runs on Node 20 and
// without any package.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const marker = join(root, 'node_modules', '.fleetgate-lock');
const installLock = join(root, '.data', 'install.lock');

const [file, ...args] = process.argv.slice(2);
if (file === undefined) stop('usage: node tools/bootstrap.mjs <file.ts> [args]');
await installPackages();
runScript(file, args);

async function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (isInstalled(wanted)) return;
  await takeInstallLock();
  try {
    if (isInstalled(wanted)) return;
    const startedAt = Date.now();
    say(existsSync(marker) ? 'the lock file changed: installing the npm packages …' : 'installing the npm packages …');
    const npm = npmCommand();
    const result = spawnSync(npm.command, [...npm.args, 'ci', '--no-audit', '--no-fund'], {
      cwd: root,
      stdio: ['ignore', process.stderr, process.stderr],
    });
    if (result.status !== 0) {
      stop(
        `\`npm ci\` failed in ${root} (its own message is above). Check the network and the npm registry ` +
          '(`npm config get registry`), then run this again.',
      );
    }
    writeFileSync(marker, wanted);
    say(`npm packages installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
  } finally {
    rmSync(installLock, { force: true });
  }
}

/**
 * Whether node_modules holds what the lock file says: by our marker, else by npm's own record (an `npm install` by
 * hand).
 */
function isInstalled(wanted) {
  if (existsSync(marker)) return readFileSync(marker, 'utf8') === wanted;
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  for (const [path, entry] of Object.entries(locked)) {
    if (path === '' || (entry.optional && installed[path] === undefined)) continue;
    if (installed[path]?.version !== entry.version) return false;
  }
  writeFileSync(marker, wanted);
  return true;
}

/** Two scripts started at once on a fresh clone: the second waits for the first one's install. */
async function takeInstallLock() {
  let announced = false;
  mkdirSync(dirname(installLock), { recursive: true });
  for (;;) {
    try {
      writeFileSync(installLock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isHolderAlive()) rmSync(installLock, { force: true });
    else if (!announced) say('another install is running here; waiting for it');
    announced = true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function isHolderAlive() {
  const pid = existsSync(installLock) ? Number(readFileSync(installLock, 'utf8')) : 0;
  if (!(pid > 0)) return pid === 0;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function npmCommand() {
  const cli = process.env['npm_execpath'];
  return cli !== undefined && cli.endsWith('.js')
    ? { command: process.execPath, args: [cli] }
    : { command: 'npm', args: [] };
}

/** The child has our terminal; a signal sent to us alone is passed on. Ends as the child ends. */
function runScript(script, scriptArgs) {
  const node = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(node)) {
    stop(
      `npm has no Node 26 for ${process.platform}-${process.arch}. Supported: linux and darwin on x64 and arm64; ` +
        'check that optional packages are not left out (`npm config get omit`).',
    );
  }
  const PATH = `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`;
  const child = spawn(node, [resolve(root, script), ...scriptArgs], {
    stdio: 'inherit',
    env: { ...process.env, PATH, FLEETGATE_LAUNCHER: String(process.pid) },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => stop(`cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}

function say(line) {
  process.stderr.write(`fleetgate: ${line}\n`);
}

function stop(line) {
  say(line);
  process.exit(1);
}
