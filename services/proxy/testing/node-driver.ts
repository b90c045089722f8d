// Runs a node under test, with its folder, its hub and a free port: in this process, or as one of its own that can be
// killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readOptions } from '#libs/runtime/config.ts';
import { isRunning, signalProcess } from '#libs/runtime/process/process-identity.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { freePort } from '#libs/testing/peers/http-peers.ts';
import { type Teardown, testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { proxyOptions } from '../options.ts';
import { startProxy } from '../proxy.ts';
import type { ProxyParts, RunningProxy } from '../proxy.ts';
import { HubDriver } from './hub-driver.ts';

export interface NodeUnderTest {
  readonly hub: HubDriver;
  readonly data: string;
  /** For a listener. */
  readonly port: number;
  readonly healthPort: number;
  /** Flags of the node, as readOptions takes them. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/** A hub that listens, a folder, ports; nothing else runs yet. */
export async function prepareNode(t: Teardown, flags: Readonly<Record<string, unknown>> = {}): Promise<NodeUnderTest> {
  const hub = new HubDriver();
  await hub.start();
  const data = await throwawayFolder(t);
  t.teardown(() => hub.stop());
  const healthPort = await freePort();
  const common = {
    controlUrl: [hub.url],
    token: hub.token,
    node: 'node-1',
    data,
    healthPort: String(healthPort),
    envoyConcurrency: '1',
    drain: '0ms',
  };
  return { hub, data, port: await freePort(), healthPort, flags: { ...common, ...flags } };
}

/** Runs the node in this process until the test ends. */
export async function runNode(t: Teardown, node: NodeUnderTest, parts: ProxyParts = {}): Promise<RunningProxy> {
  const options = readOptions(proxyOptions, node.flags, {});
  const hubTiming = { retryMaxMs: 100, ...parts.hubTiming };
  const running = await startProxy(options, testLogger('proxy'), new AbortController().signal, { ...parts, hubTiming });
  t.teardown(() => running.stop());
  return running;
}

interface NodeProcess {
  readonly child: ChildProcess;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts the node as a process; it and its Envoy are gone when the test ends. */
export function spawnNode(t: Teardown, node: NodeUnderTest): NodeProcess {
  const args: string[] = [];
  for (const [name, value] of Object.entries(node.flags)) {
    args.push(`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    if (Array.isArray(value)) args.push(...value.map(String));
    else if (value !== true) args.push(String(value));
  }
  const main = resolve(import.meta.dirname, '../main.ts');
  const level = process.env['FLEETGATE_LOG_LEVEL'] ?? 'error';
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', FLEETGATE_LOG_LEVEL: level },
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  t.teardown(async () => {
    await end('SIGKILL');
    await endEnvoy(node.data);
  });
  return { child, end };
}

/** The pid of the node's Envoy, by its record. */
export async function envoyPid(data: string): Promise<number> {
  return (await readRecord(data))?.pid ?? 0;
}

/** Kills what a killed node left behind. */
async function endEnvoy(data: string): Promise<void> {
  const record = await readRecord(data);
  if (record === undefined || !(await isRunning(record))) return;
  signalProcess(record.pid, 'SIGKILL');
  await eventually(async () => !(await isRunning(record)));
}

async function readRecord(data: string): Promise<{ readonly pid: number; readonly started: string } | undefined> {
  const text = await readFile(join(data, 'envoy.json'), 'utf8').catch(() => '');
  const value: unknown = text === '' ? undefined : JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value)) return undefined;
  return { pid: Number(value.pid), started: String(value.started) };
}
