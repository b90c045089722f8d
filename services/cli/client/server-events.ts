// Reads server-sent events from the chunks of a response. It is pure but for what it keeps between chunks.

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

const pendingMax = 16 * 1024 ** 2;

/** Takes chunks of text as they come and gives the events that are complete. */
export class ServerEventReader {
  #pending = '';

  /** Gives the events that this chunk completes. Throws RangeError when one is longer than 16 MiB. */
  read(chunk: string): readonly ServerEvent[] {
    const blocks = (this.#pending + chunk).replaceAll('\r\n', '\n').split('\n\n');
    this.#pending = blocks.pop() ?? '';
    if (this.#pending.length > pendingMax) throw new RangeError('a server-sent event is too long');
    return blocks.flatMap(parseBlock);
  }
}

/** Reads one block; one without data, such as a comment that keeps the connection alive, is no event. */
function parseBlock(block: string): readonly ServerEvent[] {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice('event:'.length).trim();
    else if (line.startsWith('data:')) data.push(line.slice('data:'.length).replace(/^ /u, ''));
  }
  return data.length === 0 ? [] : [{ event, data: data.join('\n') }];
}
