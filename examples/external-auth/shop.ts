// Stands for the shop: says what it was asked, and as whom the gateway let the client through.
import { createServer } from 'node:http';

const server = createServer(({ method, url, headers }, response) => {
  response.setHeader('content-type', 'application/json');
  const [user, email, key] = ['x-user', 'x-auth-request-email', 'x-api-key'].map((name) => headers[name] ?? null);
  response.end(`${JSON.stringify({ method, url, user, email, key })}\n`);
});
server.listen(Number(process.env['PORT'] ?? 18_302), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify(server.address())}\n`);
});
