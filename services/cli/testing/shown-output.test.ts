import t from 'tap';
import { parseConsoleSteps } from './console-steps.ts';
import { isAsShown } from './shown-output.ts';

await t.test('commands with what is shown below them', async (t) => {
  const document = [
    'text',
    '```console',
    '$ one \\',
    '    --more',
    'a',
    '',
    'b',
    '$ two',
    '```',
    '```sh',
    'three',
    '```',
  ];
  t.same(parseConsoleSteps(document.join('\n')), [
    { line: 3, command: 'one \\\n    --more', shown: ['a', '', 'b'] },
    { line: 8, command: 'two', shown: [] },
  ]);
  t.throws(() => parseConsoleSteps('```console\n$ one\n```\n```console\nno command\n```'), /line 5: .*"no command"/);
});

await t.test('what differs from run to run does not count', async (t) => {
  t.ok(
    isAsShown(['GATEWAY  BY           AGE', 'a        folder/root   1s'], ['GATEWAY BY AGE', 'a folder/ann now', '']),
  );
  t.ok(isAsShown(['applied in 22 ms'], ['applied in 1.5 s']));
  t.ok(isAsShown(['33  2026-11-21T03:47:51.063Z'], ['33  2027-01-01T00:00:00Z']));
  t.notOk(isAsShown(['33  2026-11-21T03:47:51.063Z'], ['34  2027-01-01T00:00:00Z']));
  const events = ['SEQ  AT', ' 33  2026-11-21T03:47:51.063Z'];
  t.ok(isAsShown(events, ['SEQ  AT', '  9  2027-01-01T00:00:00Z']), 'numbers of events');
  t.ok(isAsShown(['1  79af7902874e', '(624 events/s)'], ['1  000000000000', '(9 events/s)']));
});

await t.test('… is any text in a line, and any lines where it stands alone', async (t) => {
  t.ok(isAsShown(['a … c', '…', 'z'], ['a b c', 'x', 'y', 'z']));
  t.ok(isAsShown(['a', '  …'], ['a']));
  t.notOk(isAsShown(['a', '…', 'z'], ['a', 'x']));
});

await t.test('everything else counts', async (t) => {
  t.notOk(isAsShown(['version 4'], ['version 5']));
  t.notOk(isAsShown(['a'], ['a', 'b']), 'more lines');
  t.notOk(isAsShown(['a', 'b'], ['a']), 'fewer lines');
  t.notOk(isAsShown([], ['a']), 'what is not shown');
  t.notOk(isAsShown(['a.c'], ['abc']), 'no pattern but …');
});
