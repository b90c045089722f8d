// The sanity limits among a command's options.
import type { Limits } from '#libs/projection/versions/limits.ts';

type Given = { readonly [K in keyof Limits]: Limits[K] | undefined };

/** The limits that were given; the others keep their defaults. */
export function limitsOf({ entriesMax, bytesMax, removedShareMax, removedMin }: Given): Partial<Limits> {
  return {
    ...(entriesMax === undefined ? {} : { entriesMax }),
    ...(bytesMax === undefined ? {} : { bytesMax }),
    ...(removedShareMax === undefined ? {} : { removedShareMax }),
    ...(removedMin === undefined ? {} : { removedMin }),
  };
}
