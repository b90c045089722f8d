// The one kubelet endpoint that the API server needs here: container logs. Arguments: cluster folder, address, port.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [dir, address, port] = process.argv.slice(2);
if (dir === undefined || port === undefined) throw new Error('usage: kubelet-logs.ts DIR ADDRESS PORT');

const tls = { cert: readFileSync(`${dir}/api.crt`), key: readFileSync(`${dir}/api.key`) };
createServer(tls, (request, response) => {
  const [, namespace, pod, container] = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/?]+)/.exec(request.url ?? '') ?? [];
  const file = `${dir}/logs/${namespace}_${pod}_${container}.log`;
  if (container === undefined || !existsSync(file)) response.writeHead(404).end();
  else response.end(readFileSync(file));
}).listen(Number(port), address);
