/**
 * One session with ZooKeeper over one connection after another: requests are answered in the order of the calls, and sent again on the
 * next connection until they are. Speaks the protocol itself, because a lease wants to know when exactly what was sent, and needs
 * requests that node-zookeeper-client cannot wait for. Ends when ZooKeeper has forgotten it, or when it is closed; begins no other one.
 */
import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../../cluster/member.ts';
import type { TimerHandle, Timers } from '../../time/clock.ts';
import { closeSession, EVENT_XID, greeting, type Request, type SessionTicket, welcome } from './requests.ts';
import { bytes, FieldReader, int } from './wire-fields.ts';
import { refusal, ZooKeeperError } from './zookeeper-error.ts';

/** Of the time ZooKeeper keeps the session: how long a connection may take, and how long an answer. Then it is another server's turn. */
const CONNECT_SHARE = 1 / 6;
const ANSWER_SHARE = 1 / 3;
/** Between attempts to connect, when every server was tried. */
const RECONNECT_MS = 250;
/** How long a goodbye is waited for. */
const GOODBYE_MS = 1_000;
/** ZooKeeper itself takes no more than 1 MiB. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;
const LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);
const NEW_SESSION = { id: 0n, password: Buffer.alloc(16) };

export interface ZooKeeperSessionOptions {
  /** At least one. */
  readonly servers: readonly Endpoint[];
  /** Asked of ZooKeeper, which has bounds of its own. */
  readonly timeoutMs: number;
  readonly timers: Timers;
  /** Milliseconds that never go back. */
  readonly monotonicMs: () => number;
  /** A connection stands, not the first one perhaps: whatever was being watched is not watched any more. */
  readonly onConnected: () => void;
  /** What was read there has changed. */
  readonly onEvent: () => void;
  /** ZooKeeper has forgotten the session. Not called after `close`. */
  readonly onExpired: () => void;
}

export interface Answered<Answer> {
  readonly answer: Answer;
  /** When the request left that was answered, on the monotonic clock. */
  readonly sentAtMs: number;
}

interface Call {
  readonly request: Request<unknown>;
  readonly resolve: (answered: Answered<never>) => void;
  readonly reject: (error: ZooKeeperError) => void;
  xid: number;
  sentAtMs: number;
}

export class ZooKeeperSession {
  readonly #options: ZooKeeperSessionOptions;
  #ticket: SessionTicket;
  #socket: Socket | undefined;
  #isUp = false;
  #closed: Promise<void> | undefined;
  /** In the order of the calls. While a connection stands, each has been sent on it. */
  #calls: Call[] = [];
  #lastXid = 0;
  /** The newest state that was seen: a server that lags behind it turns the session away. */
  #zxid = 0n;
  #unread: Buffer = NOTHING;
  /** Attempts to connect since a connection stood. */
  #attempts = 0;
  #nextServer = 0;
  /** Ends an attempt to connect, the pause before one, or the wait for an answer. */
  #timer: TimerHandle | undefined;

  /** Begins to connect. */
  constructor(options: ZooKeeperSessionOptions) {
    this.#options = options;
    this.#ticket = { ...NEW_SESSION, timeoutMs: options.timeoutMs };
    this.#connect();
  }

  /** As the owner of nodes; 0 before ZooKeeper was reached. */
  get id(): bigint {
    return this.#ticket.id;
  }

  /** As granted: how long ZooKeeper keeps the session after it last heard of it, at least. */
  get timeoutMs(): number {
    return this.#ticket.timeoutMs;
  }

  /** Rejects with what ZooKeeper refuses, and with `SESSION_ENDED`; waits for as long as ZooKeeper is away. */
  call<Answer>(request: Request<Answer>): Promise<Answered<Answer>> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(ended());
        return;
      }
      const call = { request, resolve, reject, xid: 0, sentAtMs: 0 };
      this.#calls.push(call);
      if (this.#isUp) this.#send(call);
    });
  }

  /** Takes leave of ZooKeeper if it can be reached. Resolves when no socket is open. */
  close(): Promise<void> {
    const socket = this.#socket;
    const isUp = this.#isUp;
    this.#closed ??= new Promise((resolve) => {
      this.#stop();
      if (socket === undefined || socket.destroyed) {
        resolve();
        return;
      }
      socket.once('close', () => {
        this.#timer?.cancel();
        resolve();
      });
      if (!isUp) {
        socket.destroy();
        return;
      }
      const { type, body } = closeSession();
      socket.write(frame(int(++this.#lastXid), int(type), body));
      this.#wait(GOODBYE_MS, () => socket.destroy());
    });
    return this.#closed;
  }

  /** The connection is of no use: the next server, please. */
  reconnect(): void {
    this.#socket?.destroy();
  }

  #connect(): void {
    const { servers } = this.#options;
    const server = servers[this.#nextServer++ % servers.length];
    if (server === undefined) throw new RangeError('a session needs a server');
    this.#attempts++;
    const socket = connect({ host: server.host, port: server.port, noDelay: true });
    this.#socket = socket;
    this.#unread = NOTHING;
    socket.on('connect', () => socket.write(frame(greeting(this.#ticket, this.#zxid))));
    socket.on('data', (chunk) => {
      if (this.#closed === undefined) this.#received(chunk);
    });
    // "close" follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#lost();
    });
    this.#wait(this.timeoutMs * CONNECT_SHARE, () => socket.destroy());
  }

  #lost(): void {
    if (this.#closed !== undefined) return;
    this.#isUp = false;
    const everyoneTried = this.#attempts % this.#options.servers.length === 0;
    this.#wait(everyoneTried ? RECONNECT_MS : 0, () => {
      this.#connect();
    });
  }

  #received(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    try {
      while (this.#unread.length >= LENGTH_BYTES) {
        const end = LENGTH_BYTES + this.#unread.readUInt32BE();
        if (end > FRAME_BYTES_MAX) throw new ZooKeeperError('PROTOCOL', `a frame of ${end} bytes`);
        if (this.#unread.length < end) return;
        const record = this.#unread.subarray(LENGTH_BYTES, end);
        this.#unread = this.#unread.subarray(end);
        if (this.#isUp) this.#answered(record);
        else this.#welcomed(record);
      }
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      this.reconnect();
    }
  }

  #welcomed(record: Buffer): void {
    const ticket = welcome(record);
    if (ticket === undefined) {
      this.#expire();
      return;
    }
    this.#ticket = ticket;
    this.#isUp = true;
    this.#attempts = 0;
    this.#timer?.cancel();
    for (const call of this.#calls) this.#send(call);
    this.#options.onConnected();
  }

  #answered(record: Buffer): void {
    const reader = new FieldReader(record);
    const [xid, zxid, error] = [reader.int(), reader.long(), reader.int()];
    if (xid === EVENT_XID) {
      this.#options.onEvent();
      return;
    }
    const call = this.#calls[0];
    if (call?.xid !== xid) throw new ZooKeeperError('PROTOCOL', `an answer to ${xid}, which was not asked`);
    const outcome =
      error === 0 ? attempt(() => call.request.read(reader)) : refusal(error, call.request.what);
    if (outcome instanceof ZooKeeperError && outcome.code === 'SESSION_ENDED') {
      this.#expire();
      return;
    }
    if (zxid > this.#zxid) this.#zxid = zxid;
    this.#calls.shift();
    this.#timer?.cancel();
    if (this.#calls.length > 0) this.#waitForAnswer();
    if (outcome instanceof ZooKeeperError) call.reject(outcome);
    else call.resolve({ answer: outcome as never, sentAtMs: call.sentAtMs });
  }

  #send(call: Call): void {
    const { type, body } = call.request;
    call.xid = ++this.#lastXid;
    call.sentAtMs = this.#options.monotonicMs();
    this.#socket?.write(frame(int(call.xid), int(type), body));
    if (call === this.#calls[0]) this.#waitForAnswer();
  }

  #waitForAnswer(): void {
    this.#wait(this.timeoutMs * ANSWER_SHARE, () => {
      this.reconnect();
    });
  }

  #expire(): void {
    const socket = this.#socket;
    this.#closed = new Promise((resolve) => socket?.once('close', resolve));
    this.#stop();
    socket?.destroy();
    this.#options.onExpired();
  }

  #stop(): void {
    this.#isUp = false;
    this.#timer?.cancel();
    for (const call of this.#calls.splice(0)) call.reject(ended());
  }

  #wait(delayMs: number, action: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.timers.after(Math.ceil(delayMs), action);
  }
}

function frame(...fields: readonly Buffer[]): Buffer {
  return bytes(Buffer.concat(fields));
}

function ended(): ZooKeeperError {
  return new ZooKeeperError('SESSION_ENDED', 'the session with ZooKeeper has ended');
}

/** What the reading of an answer gives, or why the answer is a refusal. */
function attempt<Answer>(read: () => Answer): Answer | ZooKeeperError {
  try {
    return read();
  } catch (error) {
    if (error instanceof ZooKeeperError) return error;
    throw error;
  }
}
