// Reads answers that the API gives in pages, to their end.

interface Page {
  /** What to give as `after` to read on; null = that was all. */
  readonly next: string | null;
}

/** Reads a page; `after` is `next` of the page before, undefined for the first. */
type ReadPage<P> = (after: string | undefined) => Promise<P>;

/** Reads all pages of an answer. */
export async function readPages<P extends Page>(read: ReadPage<P>): Promise<readonly [P, ...P[]]> {
  let last = await read(undefined);
  const pages: [P, ...P[]] = [last];
  while (last.next !== null) {
    last = await read(last.next);
    pages.push(last);
  }
  return pages;
}

/** Reads every item of a paged list. */
export async function readAll<T>(read: ReadPage<Page & { readonly items: readonly T[] }>): Promise<readonly T[]> {
  const pages = await readPages(read);
  return pages.flatMap(({ items }) => items);
}
