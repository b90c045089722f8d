// Tells production from tests and from what only supports tests.

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** Whether only tests may use it: `libs/testing`, `services/<name>/testing`. */
export function isTestSupport(path: string): boolean {
  return path.startsWith('libs/testing/') || /^services\/[^/]+\/testing\//.test(path);
}

/** What runs in production: libraries, services and migrations, without their tests. */
export function isProduction(path: string): boolean {
  return /^(libs|services|migrations)\//.test(path) && !isTest(path) && !isTestSupport(path);
}

/** The folder that a path lies in; '' for the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Whether a path is the folder or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
