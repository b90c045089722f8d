// Says what a place is where a published log lies as static files, in the layout of C2SP tlog-tiles.

export interface LogPlace {
  /** As it was named. */
  readonly name: string;
  /** Gives the bytes of a file; undefined = there is none. */
  read(path: string): Promise<Buffer | undefined>;
  /** Writes a file whole; it is never seen half. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Removes the narrower forms of a tile that has filled, where the place can. */
  forgetPartial(path: string): Promise<void>;
  /** Says that everything up to the checkpoint is written. */
  seal(message: string): Promise<void>;
}
