/**
 * Conversations between a broker of one release, called old, and another, called new: recorded message by message on their way
 * through a proxy, and played back later to whoever takes the place of the new one.
 */
import { once } from 'node:events';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { MessageSplitter } from '../../src/cluster/wire/message-splitter.ts';
import { Gathered, listening } from './tcp-peers.ts';

const MESSAGE_BYTES_MAX = 1 << 20;
const TYPES = ['hello', 'welcome', 'refused', 'ping', 'frame', 'confirmation'] as const;

type Side = 'old' | 'new';
type MessageType = (typeof TYPES)[number];

/** One message, its length included. */
export interface RecordedMessage {
  readonly by: Side;
  /** For people: the bytes say it too. */
  readonly type: MessageType;
  readonly hex: string;
}

/** Connection by connection. */
export type Recording = readonly (readonly RecordedMessage[])[];

/** Calls back with each message whole, its length included; what comes at once is passed on to `target` at once. */
function messagesOf(socket: Socket, onMessage: (bytes: Buffer) => void, target?: Socket): void {
  const splitter = new MessageSplitter(MESSAGE_BYTES_MAX);
  socket.on('data', (chunk: Buffer) => {
    target?.cork();
    splitter.push(chunk, (body) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      onMessage(Buffer.concat([length, body]));
      return true;
    });
    target?.uncork();
  });
}

function typeOf(message: Buffer): MessageType {
  const type = TYPES[(message[4] ?? 0) - 1];
  if (type === undefined) throw new Error(`a message of an unknown type: ${message.toString('hex')}`);
  return type;
}

/** Stands before a broker, and writes down what passes. */
export class RecordingProxy {
  readonly connections: Gathered<Gathered<RecordedMessage>>;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `dialler`: who reaches the other through it. */
  static async start(targetPort: number, dialler: Side): Promise<RecordingProxy> {
    const connections = new Gathered<Gathered<RecordedMessage>>();
    const sockets = new Set<Socket>();
    const server = await listening((from) => {
      const to = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
      const recorded = new Gathered<RecordedMessage>();
      connections.add(recorded);
      const directions = [
        [from, to, dialler],
        [to, from, dialler === 'old' ? 'new' : 'old'],
      ] as const;
      for (const [source, target, by] of directions) {
        sockets.add(source);
        source.on('error', () => undefined);
        source.on('close', () => {
          sockets.delete(source);
          target.end();
        });
        const pass = (bytes: Buffer): void => {
          recorded.add({ by, type: typeOf(bytes), hex: bytes.toString('hex') });
          target.write(bytes);
        };
        messagesOf(source, pass, target);
      }
    });
    return new RecordingProxy(server, connections, sockets);
  }

  private constructor(
    server: Server,
    connections: Gathered<Gathered<RecordedMessage>>,
    sockets: Set<Socket>,
  ) {
    this.#server = server;
    this.connections = connections;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}

/** The old broker's part of one connection, on a socket that stands; the new one's part is checked. Resolves at its end. */
export async function play(
  recorded: readonly RecordedMessage[],
  socket: Socket,
  check: (expected: RecordedMessage, got: Buffer) => void,
): Promise<void> {
  const got = new Gathered<Buffer>();
  messagesOf(socket, (bytes) => {
    // When somebody pings depends on the time.
    if (typeOf(bytes) !== 'ping') got.add(bytes);
  });
  let heard = 0;
  let unsent: Buffer[] = [];
  const speak = async (): Promise<void> => {
    if (unsent.length === 0) return;
    const bytes = Buffer.concat(unsent);
    unsent = [];
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  };
  for (const message of recorded) {
    if (message.by === 'old') {
      unsent.push(Buffer.from(message.hex, 'hex'));
      continue;
    }
    await speak();
    const messages = await got.reaches(heard + 1);
    check(message, messages[heard++] ?? Buffer.alloc(0));
  }
  await speak();
}

/** Dials, plays, and breaks the connection. */
export async function playDialler(
  recording: Recording,
  port: number,
  check: (expected: RecordedMessage, got: Buffer) => void,
): Promise<void> {
  for (const recorded of recording) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    await play(recorded, socket, check);
    socket.destroy();
  }
}

/** Listens, and plays one connection after the other to whoever dials; dials after the last are refused by nobody answering. */
export async function playListener(
  recording: Recording,
  check: (expected: RecordedMessage, got: Buffer) => void,
): Promise<{ readonly port: number; readonly played: Promise<void>; close(): void }> {
  const left = [...recording];
  const failures = new Gathered<unknown>();
  const finished = new Gathered<void>();
  const server = await listening((socket) => {
    socket.on('error', () => undefined);
    const recorded = left.shift();
    if (recorded === undefined) {
      socket.destroy();
      return;
    }
    play(recorded, socket, check)
      .catch((error: unknown) => {
        failures.add(error);
      })
      .finally(() => {
        socket.end();
        finished.add();
      });
  });
  const { port } = server;
  const played = finished.reaches(recording.length).then(() => {
    if (failures.items.length > 0) throw failures.items[0];
  });
  return { port, played, close: () => server.close() };
}
