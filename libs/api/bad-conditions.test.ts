import t from 'tap';
import { badConditions, problemText } from './bad-conditions.ts';

void t.test('every condition that is not plainly good is listed', async (t) => {
  const conditions = [
    ['Accepted', 'True', 'Accepted', ''],
    ['Accepted', 'True', 'Accepted', 'not supported and left out: spec.rules[1].sessionPersistence'],
    ['Accepted', 'False', 'NoMatchingParent', 'no such listener'],
    ['ResolvedRefs', 'Unknown', 'Pending', ''],
    ['Programmed', 'True', 'Programmed', 'applied by 1 of 1 nodes'],
    ['Conflicted', 'False', 'NoConflicts', ''],
    ['Conflicted', 'Unknown', 'Pending', ''],
    ['PartiallyInvalid', 'True', 'UnsupportedValue', 'Dropped Rule 0 (answers 500): x'],
    ['fleetgate.dev/Shadowed', 'True', 'IdenticalMatch', 'rule 0 can never match'],
    ['fleetgate.dev/UnservedPolicies', 'True', 'PolicyNotServed', 'SecurityPolicy … is not served here'],
    ['SomethingNew', 'False', 'Broken', ''],
  ].map(([type = '', status = '', reason = '', message = '']) => ({ type, status, reason, message }));
  t.strictSame(badConditions(conditions).map(problemText), [
    'not supported and left out: spec.rules[1].sessionPersistence',
    'NoMatchingParent: no such listener',
    'Pending',
    'Pending',
    'UnsupportedValue: Dropped Rule 0 (answers 500): x',
    'IdenticalMatch: rule 0 can never match',
    'PolicyNotServed: SecurityPolicy … is not served here',
    'Broken',
  ]);
});
