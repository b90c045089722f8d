// Keeps a WebSocket to one of the control replicas: it connects again for ever with full jitter, ends what has fallen
// silent, and reads with limits.
import { readFile } from 'node:fs/promises';
import { WebSocket } from 'ws';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { fullJitter, pause } from '#libs/runtime/pause.ts';
import { closeCodes, type HubMessage, type NodeMessage } from '#libs/protocol/messages.ts';
import { hubMessageLimits, parseHubText } from '#libs/protocol/parse-hub-message.ts';

export interface HubConnectionOptions {
  /** Base URLs of the replicas, http or https. */
  readonly urls: readonly string[];
  readonly token: string;
  /** Read at each connect, in place of `token`, so that it can be changed. */
  readonly tokenFile?: string | undefined;
  readonly log: Logger;
  /** Called when it is connected: time to say hello. */
  readonly onOpen: () => void;
  readonly onMessage: (message: HubMessage) => void;
  readonly onClose: () => void;
  /** Gets the bytes of each message that came, for figures. */
  readonly onBytes?: (bytes: number) => void;
  readonly timing?: Partial<HubTiming>;
}

export interface HubTiming {
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** A connection that says nothing for that long is dead. The node pings more often than that. */
  readonly silenceMaxMs: number;
  readonly handshakeMaxMs: number;
}

const defaultTiming: HubTiming = {
  retryMinMs: 10,
  retryMaxMs: 15_000,
  silenceMaxMs: 25_000,
  handshakeMaxMs: 5000,
};
const attemptsWhenReplaced = 20;
/** What waits to be sent; a hub that does not read is left. */
const bufferedBytesMax = 64 * 1024 * 1024;

export class HubConnection {
  readonly #options: HubConnectionOptions;
  readonly #timing: HubTiming;
  readonly #ended = new AbortController();
  #socket: WebSocket | null = null;
  #attempts = 0;
  #next: number;
  #running: Promise<void> = Promise.resolve();

  constructor(options: HubConnectionOptions) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    // Not every node begins with the first replica.
    this.#next = Math.floor(Math.random() * options.urls.length);
  }

  start(): void {
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends when connected; what cannot be sent is dropped, the next hello says what holds. */
  send(message: NodeMessage): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify(message));
    if (socket.bufferedAmount > bufferedBytesMax) socket.terminate();
  }

  /** Takes no more messages until `resume`. */
  hold(): void {
    this.#socket?.pause();
  }

  resume(): void {
    if (this.#socket?.isPaused === true) this.#socket.resume();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#socket?.close(closeCodes.goingAway, 'the node stops');
    const dead = setTimeout(() => this.#socket?.terminate(), 1000);
    await this.#running;
    clearTimeout(dead);
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const url = this.#options.urls[this.#next++ % this.#options.urls.length] ?? '';
      const reason = await this.#connect(url).catch(messageOf);
      if (signal.aborted) return;
      const { retryMinMs, retryMaxMs } = this.#timing;
      const waitMs = fullJitter(this.#attempts++, { minMs: retryMinMs, maxMs: retryMaxMs });
      this.#options.log.warn({ url, reason, waitMs: Math.round(waitMs) }, 'no connection to control');
      await pause(waitMs, signal);
    }
  }

  /** Lives through one connection; resolves with why it ended. */
  async #connect(url: string): Promise<string> {
    const token = await this.#readToken();
    const socket = new WebSocket(nodeUrl(url), {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: this.#timing.handshakeMaxMs,
      maxPayload: hubMessageLimits.bytesMax,
      followRedirects: false,
    });
    this.#socket = socket;
    const silence = setTimeout(() => socket.terminate(), this.#timing.silenceMaxMs);
    const heard = (): void => {
      silence.refresh();
    };
    return new Promise((resolve) => {
      let reason = 'closed';
      let opened = false;
      socket.on('open', () => {
        opened = true;
        this.#options.log.info({ url }, 'connected to control');
        this.#options.onOpen();
      });
      socket.on('ping', heard);
      socket.on('pong', heard);
      socket.on('message', (data, isBinary) => {
        heard();
        const problem = isBinary ? 'a binary message' : this.#take(data);
        if (problem === undefined) return;
        reason = problem;
        socket.close(closeCodes.badMessage, 'bad message');
      });
      socket.on('error', (error) => {
        reason = messageOf(error);
      });
      socket.on('close', (code, text) => {
        clearTimeout(silence);
        this.#socket = null;
        // Another process has this node's name: the two must not throw each other out without pause.
        if (code === closeCodes.replaced) this.#attempts = attemptsWhenReplaced;
        if (opened) this.#options.onClose();
        resolve(reason === 'closed' ? `closed with ${code} ${text.toString()}`.trim() : reason);
      });
    });
  }

  /** Hands a message over; returns why it cannot be taken, or undefined. */
  #take(data: WebSocket.RawData): string | undefined {
    const bytes = toBuffer(data);
    this.#options.onBytes?.(bytes.length);
    const parsed = parseHubText(bytes.toString('utf8'));
    if ('problem' in parsed) return `a message that cannot be read: ${parsed.problem}`;
    // Good only when the hub speaks: one that accepts and hangs up must not be asked without pause.
    this.#attempts = 0;
    this.#options.onMessage(parsed.message);
    return undefined;
  }

  async #readToken(): Promise<string> {
    const { token, tokenFile } = this.#options;
    return tokenFile === undefined ? token : (await readFile(tokenFile, 'utf8')).trim();
  }
}

function nodeUrl(base: string): string {
  const url = new URL(base);
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'wss:' : 'ws:';
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/node`;
  return url.href;
}

function toBuffer(data: WebSocket.RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
