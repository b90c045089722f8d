// Runs a process below a real npm, and takes away or signals what stands between them.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { pause } from '#libs/runtime/pause.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { identityOf, signalProcess } from './process-identity.ts';

const launcher = JSON.stringify(new URL('launcher.ts', import.meta.url).href);
/** Longer than the time between two looks, of which there are three in it. */
const looksMs = 1000;
const isLinux = process.platform === 'linux';

for (const signal of ['SIGTERM', 'SIGKILL', ...(isLinux ? (['SIGINT'] as const) : [])] as const) {
  void t.test(`${signal} to npm`, async (t) => {
    const probe = await startProbe(t, 'node probe.mjs; true');
    probe.starter.kill(signal);
    await eventually(() => probe.isGone());
    t.equal(await eventually(async () => (await identityOf(probe.pid)) === undefined), true);
  });
}

void t.test('what is no end of npm', { skip: !isLinux }, async (t) => {
  await t.test('all of them are stopped and go on, as by Ctrl-Z and fg', async (t) => {
    const probe = await startProbe(t, 'node probe.mjs; true');
    signalProcess(-(probe.starter.pid ?? 0), 'SIGSTOP');
    await pause(looksMs);
    signalProcess(-(probe.starter.pid ?? 0), 'SIGCONT');
    await pause(looksMs);
    t.notOk(probe.isGone());
  });

  await t.test('another child of the shell ends', async (t) => {
    const probe = await startProbe(t, 'sleep 3 & node probe.mjs; true');
    await pause(3000 + looksMs);
    t.notOk(probe.isGone());
  });

  await t.test('a shell that npm did not start ends: nohup', async (t) => {
    const probe = await startProbe(t, undefined);
    await eventually(() => probe.starter.exitCode !== null);
    await pause(looksMs);
    t.notOk(probe.isGone());
  });
});

/** Starts a process that notes when its launcher is gone, below npm, or by a shell that ends at once. */
async function startProbe(
  t: Test,
  script: string | undefined,
): Promise<{ readonly pid: number; readonly starter: ChildProcess; isGone(): boolean }> {
  const folder = await throwawayFolder(t);
  const [started, gone] = [join(folder, 'started'), join(folder, 'gone')];
  writeFileSync(
    join(folder, 'probe.mjs'),
    `import { writeFileSync } from 'node:fs';
     import { watchLauncher } from ${launcher};
     const forever = setInterval(() => undefined, 1000);
     process.on('SIGTERM', () => process.exit(0));
     await watchLauncher(() => {
       writeFileSync(${JSON.stringify(gone)}, '');
       clearInterval(forever);
     });
     writeFileSync(${JSON.stringify(started)}, String(process.pid));`,
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'probe', scripts: { probe: script ?? '' } }));
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$)/u.test(name));
  const [command, args] =
    script === undefined ? (['sh', ['-c', 'node probe.mjs & true']] as const) : (['npm', ['run', 'probe']] as const);
  const options = { cwd: folder, env: Object.fromEntries(own), detached: true, stdio: 'ignore' } as const;
  const starter = spawn(command, args, options);
  await eventually(() => existsSync(started) && readFileSync(started, 'utf8') !== '');
  const pid = Number(readFileSync(started, 'utf8'));
  t.teardown(() => signalProcess(pid, 'SIGKILL'));
  return { pid, starter, isGone: () => existsSync(gone) };
}
