// Appends to a file that only grows and is on disk with each write (O_DSYNC: one call where write and fdatasync would
// be two). What a failed write left behind is cut off, so that a later write follows a whole line.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const { O_WRONLY, O_CREAT, O_APPEND, O_DSYNC } = constants;

export class Journal {
  readonly path: string;
  #file: FileHandle | null = null;
  #bytes: number;
  #pending = '';

  /** `bytes` = the part of the file that counts; the rest is cut off. The file is made with the first write. */
  constructor(path: string, bytes = 0) {
    this.path = path;
    this.#bytes = bytes;
  }

  /** Gives the length of what is safe, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Gives the length of what is not written yet, in UTF-16 units. */
  get pendingLength(): number {
    return this.#pending.length;
  }

  append(text: string): void {
    this.#pending += text;
  }

  /** Forgets what is not written yet. */
  drop(): void {
    this.#pending = '';
  }

  /** Writes what was appended; once this resolves, it survives a power cut. The next write tries again what failed. */
  async write(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    try {
      const file = await this.#open();
      if (text === '') return;
      await file.appendFile(text);
      this.#bytes += Buffer.byteLength(text);
    } catch (error) {
      this.#pending = text + this.#pending;
      await this.close();
      throw error;
    }
  }

  /** Closes the file; what is pending stays so: write first. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #open(): Promise<FileHandle> {
    if (this.#file !== null) return this.#file;
    const file = await open(this.path, O_WRONLY | O_CREAT | O_APPEND | O_DSYNC, 0o600);
    try {
      await file.truncate(this.#bytes);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }
}
