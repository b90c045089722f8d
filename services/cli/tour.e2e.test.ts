// Follows the README literally.
import t from 'tap';
import { followGuide } from './testing/followed-guide.ts';

await t.test('the README', (t) =>
  followGuide(t, { path: 'README.md', runsOnce: /^(sed|npx fleetgate (rollback|release)) /u }),
);
