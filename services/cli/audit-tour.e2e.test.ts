// Follows the tour for auditors literally.
import t from 'tap';
import { followGuide } from './testing/followed-guide.ts';

const runsOnce = /^(cp|sh|sed|mkdir|npx fleetgate (rollback|release|audit|cluster|token)) |^FLEETGATE_URL=/u;

await t.test('the tour', (t) => followGuide(t, { path: 'examples/audit/README.md', runsOnce }));
