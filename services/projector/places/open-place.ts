// Opens the place where a published log lies: a folder, a Git repository that gets a commit for each checkpoint, or an
// object store that takes HTTP PUT.
import { fail } from '#libs/runtime/errors.ts';
import { openFolderPlace } from './folder-place.ts';
import { openGitPlace } from './git-place.ts';
import { openHttpPlace } from './http-place.ts';
import type { LogPlace } from './place.ts';

/** Opens a place: a path, `git:` and a path, or a URL. Throws FleetgateError 'config'. */
export function openPlace(name: string, env: Readonly<Record<string, string | undefined>>): LogPlace {
  if (name.startsWith('git:')) return openGitPlace(name.slice('git:'.length));
  if (/^https?:\/\//.test(name)) return openHttpPlace(name, env['FLEETGATE_CHECKPOINTS_AUTHORIZATION']);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(name))
    throw fail('config', `${name}: a published log lies in a folder, in git:FOLDER, or at http:// or https://`);
  return openFolderPlace(name);
}
