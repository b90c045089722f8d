// Keeps a published log in the working tree of a Git repository, with a commit for each checkpoint. Where the
// repository has a remote, the commit is pushed there: what somebody else holds too cannot be taken back.
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { openFolderPlace } from './folder-place.ts';
import type { LogPlace } from './place.ts';

const run = promisify(execFile);
const gitTimeoutMs = 60_000;

/** Opens the repository at that path; it is made where there is none. Its calls throw FleetgateError 'file'. */
export function openGitPlace(root: string): LogPlace {
  const folder = openFolderPlace(root);
  return {
    ...folder,
    name: `git:${root}`,
    async seal(message) {
      await mkdir(root, { recursive: true });
      await git(root, 'rev-parse', '--git-dir').catch(() => git(root, 'init', '--quiet'));
      await git(root, 'add', '--all', '--', '.');
      const isSame = await git(root, 'diff', '--cached', '--quiet').then(
        () => true,
        () => false,
      );
      if (!isSame) await git(root, ...(await author(root)), 'commit', '--quiet', '--no-gpg-sign', '-m', message);
      const [remote = ''] = (await git(root, 'remote')).split('\n');
      if (remote !== '') await git(root, 'push', '--quiet', remote, 'HEAD');
    },
  };
}

/** Names an author where the repository and the account name none. */
async function author(root: string): Promise<readonly string[]> {
  const isNamed = await git(root, 'config', 'user.email').catch(() => '');
  return isNamed.trim() === '' ? ['-c', 'user.name=fleetgate', '-c', 'user.email=fleetgate@localhost'] : [];
}

async function git(root: string, ...args: readonly string[]): Promise<string> {
  try {
    const env = { ...process.env, GIT_TERMINAL_PROMPT: '0' };
    return (await run('git', ['-C', root, ...args], { timeout: gitTimeoutMs, env })).stdout;
  } catch (error) {
    throw fail('file', `git ${args.join(' ')} in ${root}: ${messageOf(error)}`, { cause: error });
  }
}
