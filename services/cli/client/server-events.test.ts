import t from 'tap';
import { ServerEventReader } from './server-events.ts';

await t.test('server-sent events come in any pieces', async (t) => {
  const reader = new ServerEventReader();
  t.same(reader.read('event: nodes\ndata: {"a"'), []);
  t.same(reader.read(':1}\n\n: alive\n\ndata: x\ndata: y\n'), [{ event: 'nodes', data: '{"a":1}' }]);
  t.same(reader.read('\n'), [{ event: 'message', data: 'x\ny' }]);
});
