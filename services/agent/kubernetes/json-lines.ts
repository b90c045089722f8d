// Splits a stream of bytes into JSON lines, with a limit on the length of a line.

const lineBytesMax = 16 * 1024 * 1024;

/** A line that is too long or no JSON: the stream cannot be trusted any further. */
type Line = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

const newline = 0x0a;

/** Takes chunks in order; returns the lines that each chunk completes. */
export class JsonLines {
  #parts: Uint8Array[] = [];
  #length = 0;

  push(chunk: Uint8Array): readonly Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      if (line !== null) lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    if (this.#length > lineBytesMax) {
      this.#reset();
      lines.push({ ok: false, problem: `a line has more than ${lineBytesMax} bytes` });
    }
    return lines;
  }

  /** Whether the stream ended in the middle of a line. */
  get isPartial(): boolean {
    return this.#length > 0;
  }

  #complete(tail: Uint8Array): Line | null {
    this.#keep(tail);
    const text = Buffer.concat(this.#parts, this.#length).toString('utf8');
    this.#reset();
    if (text.trim() === '') return null;
    try {
      return { ok: true, value: JSON.parse(text) };
    } catch {
      return { ok: false, problem: 'a line is not JSON' };
    }
  }

  #keep(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  #reset(): void {
    this.#parts = [];
    this.#length = 0;
  }
}
