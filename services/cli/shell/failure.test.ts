import t from 'tap';
import { fail } from '#libs/runtime/errors.ts';
import { describeFailure } from './failure.ts';

await t.test('a failure: what, remedy, exit code; a stack for bugs only', async (t) => {
  t.same(describeFailure(fail('not-found', 'no gateway is called "x"', { hint: 'Did you mean y?' })), {
    exitCode: 3,
    text: 'fleetgate: there is no such thing: no gateway is called "x"\n  Did you mean y?\n',
  });
  t.equal(describeFailure(fail('control-unreachable', 'x')).exitCode, 5);
  t.match(describeFailure(new TypeError('x is undefined')), { exitCode: 1, text: /a bug.*\n[^]*at / });
});
