// Sends one HTTP/2 request byte for byte, also one that HTTP/2 forbids and Node's client would not send.
import { connect } from 'node:net';

type Line = readonly [name: string, value: string];

const frameHead = 9;
const [headersFrame, resetFrame] = [1, 3];
/** END_STREAM and END_HEADERS. */
const wholeRequest = 5;
const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]);

/** Says what becomes of a request to a port of this machine: whether it gets any answer, or is reset. */
export function askRawHttp2(port: number, lines: readonly Line[]): Promise<'answered' | 'reset' | 'closed'> {
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.concat([preface, frame(headersFrame, wholeRequest, 1, Buffer.concat(lines.map(literal)))]));
  return new Promise((resolve) => {
    const done = (what: 'answered' | 'reset' | 'closed'): void => {
      socket.destroy();
      resolve(what);
    };
    let data = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => done('closed'));
    socket.on('data', (more: Buffer) => {
      data = Buffer.concat([data, more]);
      while (data.length >= frameHead && data.length >= frameHead + data.readUIntBE(0, 3)) {
        const type = data[3];
        if (type === resetFrame) return done('reset');
        if (type === headersFrame) return done('answered');
        data = data.subarray(frameHead + data.readUIntBE(0, 3));
      }
      return undefined;
    });
  });
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(frameHead);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field that is in no table (RFC 7541, 6.2.2); texts of less than 127 bytes. */
function literal([name, value]: Line): Buffer {
  return Buffer.concat([Buffer.from([0]), ...[name, value].map(sized)]);
}

function sized(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
}
