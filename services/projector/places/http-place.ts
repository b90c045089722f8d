// Keeps a published log in an object store: files are written by HTTP PUT and read by GET.
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { LogPlace } from './place.ts';

const timeoutMs = 30_000;
const missing: readonly number[] = [404, 410];

/** Opens the place below a URL. Its calls throw FleetgateError 'file'. */
export function openHttpPlace(url: string, authorization: string | undefined): LogPlace {
  const prefix = url.replace(/\/+$/, '');
  const headers = authorization === undefined || authorization === '' ? {} : { authorization };
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    try {
      return await fetch(`${prefix}/${path}`, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      throw fail('file', `${prefix}/${path} (${messageOf(error)})`, { cause: error });
    }
  };
  return {
    name: url,
    async read(path) {
      const response = await ask(path, { headers });
      if (missing.includes(response.status)) return undefined;
      if (!response.ok) throw fail('file', `GET ${prefix}/${path} was answered ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
    async write(path, bytes) {
      const isText = path.startsWith('checkpoint');
      const response = await ask(path, {
        method: 'PUT',
        headers: {
          ...headers,
          'content-type': isText ? 'text/plain; charset=utf-8' : 'application/octet-stream',
          // Tiles never change; the checkpoint does.
          'cache-control': isText ? 'no-cache' : 'public, max-age=31536000, immutable',
        },
        body: Buffer.from(bytes),
      });
      await response.arrayBuffer();
      if (!response.ok) throw fail('file', `PUT ${prefix}/${path} was answered ${response.status}`);
    },
    // Which narrower forms there are is not known here; a store's own rules may remove them.
    forgetPartial: () => Promise.resolve(),
    seal: () => Promise.resolve(),
  };
}
