import t from 'tap';
import { RateLimit } from './rate-limit.ts';

void t.test('RateLimit', async (t) => {
  const limit = new RateLimit(10, 2);
  t.equal(limit.take('a', 0), 0);
  t.equal(limit.take('a', 0), 0);
  t.equal(limit.take('a', 0), 1, 'seconds, rounded up');
  t.equal(limit.take('b', 0), 0, 'others are not held up');
  t.equal(limit.take('a', 99), 1);
  t.equal(limit.take('a', 201), 0, 'it fills with time');
  for (let i = 0; i < 30_000; i++) limit.take(`caller ${i}`, 1000);
  t.equal(limit.take('c', 1000), 0, 'many callers are no trouble');
});
