// Lists one collection, page by page, as an API server gives it.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { ApiClient } from './api-client.ts';

/** Names a collection of an API server, or the part of one that selectors leave. */
export interface Collection {
  /** `/apis/<group>/<version>/<plural>`, or with `/namespaces/<namespace>` before the plural. */
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Media type of the answers, where they are not to hold the whole objects. */
  readonly accept?: string;
}

/** Says why a list did not come. */
export interface CallFailure {
  readonly type: 'failed';
  /** 0 = no answer. */
  readonly status: number;
  readonly message: string;
  readonly retryAfterMs: number | null;
}

interface ListPage {
  readonly type: 'page';
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
}

const pageLength = 500;
const pagesMax = 20_000;

/**
 * Yields the pages; ends after the last one, or after a failure. A list that expires half-way is begun again without
 * pages.
 */
export async function* listPages(
  client: ApiClient,
  collection: Collection,
  signal: AbortSignal,
): AsyncGenerator<ListPage | CallFailure, void, undefined> {
  let next = '';
  let limit = String(pageLength);
  for (let pages = 0; pages < pagesMax; pages++) {
    const answer = await listOnce(client, collection, { limit, next }, signal);
    if (answer.type === 'failed' && answer.status === 410 && next !== '') {
      [next, limit] = ['', ''];
      continue;
    }
    yield answer;
    if (answer.type === 'failed' || answer.next === '') return;
    next = answer.next;
  }
  yield { type: 'failed', status: 0, message: `the list has more than ${pagesMax} pages`, retryAfterMs: null };
}

async function listOnce(
  client: ApiClient,
  { path, fieldSelector, labelSelector, accept }: Collection,
  { limit, next }: { readonly limit: string; readonly next: string },
  signal: AbortSignal,
): Promise<(ListPage & { readonly next: string }) | CallFailure> {
  const query = {
    ...(limit === '' ? {} : { limit }),
    ...(next === '' ? {} : { continue: next }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
  try {
    const { status, body, message, retryAfterMs } = await client.call({
      path,
      query,
      signal,
      timeoutMs: 60_000,
      ...(accept === undefined ? {} : { accept }),
    });
    if (status !== 200) return { type: 'failed', status, message, retryAfterMs };
    return readPage(body) ?? { type: 'failed', status: 0, message: 'the answer is no list', retryAfterMs };
  } catch (error) {
    return { type: 'failed', status: 0, message: messageOf(error), retryAfterMs: null };
  }
}

function readPage(body: unknown): (ListPage & { readonly next: string }) | null {
  if (!isRecord(body) || !isRecord(body['metadata'])) return null;
  const { resourceVersion, continue: next } = body['metadata'];
  const items = body['items'] ?? [];
  if (typeof resourceVersion !== 'string' || !Array.isArray(items)) return null;
  return { type: 'page', items, resourceVersion, next: typeof next === 'string' ? next : '' };
}
