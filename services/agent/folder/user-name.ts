// Names the users of this machine, where their names are cheap to know.
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

let names: ReadonlyMap<number, string> | undefined;

/** Gives the name of a user from /etc/passwd, which is read once; the number where it has no name. */
export function userName(uid: number): string {
  names ??= readNames();
  return names.get(uid) ?? String(uid);
}

function readNames(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name = '', , uid = ''] = line.split(':');
      if (/^\d+$/.test(uid) && !found.has(Number(uid))) found.set(Number(uid), name);
    }
  } catch {
    // Other systems keep users elsewhere.
  }
  try {
    const { uid, username } = userInfo();
    found.set(uid, username);
  } catch {
    // A container's user without a name.
  }
  return found;
}
