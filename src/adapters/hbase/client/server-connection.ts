/**
 * One TCP connection to one service of one server: many calls at once, each with a deadline. Calls fail at once when the
 * connection ends; a call that timed out is forgotten and its late answer ignored. Never reconnects and never repeats.
 */
import { connect, type Socket } from 'node:net';
import type { Timers } from '../../../time/clock.ts';
import type { ClientStats } from './client-stats.ts';
import { CELL_BLOCK_CODEC } from './cell-block.ts';
import { encodeCall, encodePreamble } from './frame.ts';
import { type AnswerParts, FrameReader, splitAnswer } from './frame-reader.ts';
import { HBaseError } from './hbase-error.ts';
import { type PendingCall, PendingCalls } from './pending-calls.ts';
import type { HBaseProtocol, RpcMethod, ServiceName } from './protocol.ts';
import { errorOf } from './server-exception.ts';
import type { ServerAddress } from './server-address.ts';

/** The largest answer that is read, bytes. HBase cuts a scan's answer at 2 MiB; a single row may be larger. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
/** Idle time after which TCP asks whether the peer is alive, milliseconds. */
const KEEP_ALIVE_MS = 10_000;
const CALL_ID_MAX = 0x7fff_ffff;

export interface ConnectionOptions {
  readonly effectiveUser: string;
  readonly connectTimeoutMs: number;
  /** Calls, and bytes of requests, that may wait for an answer on one connection. */
  readonly pendingCallsMax: number;
  readonly pendingBytesMax: number;
  readonly protocol: HBaseProtocol;
  readonly timers: Timers;
  /** Milliseconds that never jump. */
  readonly monotonicMs: () => number;
  readonly stats: ClientStats;
}

export class ServerConnection {
  readonly address: ServerAddress;
  readonly service: ServiceName;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #pending: PendingCalls;
  readonly #reader = new FrameReader(ANSWER_BYTES_MAX, (frame) => {
    this.#answered(frame);
  });
  readonly #onClose: () => void;
  #lastCallId = 0;
  #lastReceivedMs = 0;
  #corked = false;
  #failure: HBaseError | undefined;

  private constructor(
    socket: Socket,
    address: ServerAddress,
    service: ServiceName,
    options: ConnectionOptions,
    onClose: () => void,
  ) {
    this.#socket = socket;
    this.address = address;
    this.service = service;
    this.#options = options;
    this.#onClose = onClose;
    this.#pending = new PendingCalls(options.timers, options.monotonicMs, (call) => {
      this.#timedOut(call);
    });
    socket.on('data', (chunk) => {
      this.#received(chunk);
    });
    socket.on('error', (cause) => {
      this.#end(this.#lost(`the connection broke: ${cause.message}`, cause));
    });
    socket.on('close', () => {
      this.#end(this.#lost('the server closed the connection'));
    });
    options.stats.connects++;
    options.stats.connectionsOpen++;
    const header = {
      userInfo: { effectiveUser: options.effectiveUser },
      serviceName: service,
      // Only this service has answers with cells.
      ...(service === 'ClientService' && { cellBlockCodecClass: CELL_BLOCK_CODEC }),
    };
    socket.write(encodePreamble(options.protocol.connectionHeader.encode(header)));
  }

  /**
   * Resolves when the server has accepted; rejects with `CONNECT_FAILED`. `onClose` is called once, when the connection has ended.
   */
  static open(
    address: ServerAddress,
    service: ServiceName,
    options: ConnectionOptions,
    onClose: () => void,
  ): Promise<ServerConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: address.host, port: address.port, noDelay: true });
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      const fail = (what: string, cause?: unknown): void => {
        deadline.cancel();
        socket.destroy();
        options.stats.connectFailures++;
        reject(new HBaseError('CONNECT_FAILED', what, { server: address.name, cause }));
      };
      const failed = (cause: Error): void => {
        fail(`connecting failed: ${cause.message}`, cause);
      };
      const deadline = options.timers.after(options.connectTimeoutMs, () => {
        socket.off('error', failed);
        socket.on('error', () => {});
        fail(`not connected within ${options.connectTimeoutMs} ms`);
      });
      socket.once('error', failed);
      socket.once('connect', () => {
        deadline.cancel();
        socket.off('error', failed);
        resolve(new ServerConnection(socket, address, service, options, onClose));
      });
    });
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /**
   * One call. Rejects with `ATTEMPT_TIMEOUT`, `CONNECTION_LOST`, `OVERLOADED` (nothing was sent), `PROTOCOL`, or the error that
   * the server's exception stands for.
   */
  async call<Request, Response>(
    method: RpcMethod<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    return this.#decode(method, await this.#send(method, [method.encode(request)], timeoutMs));
  }

  /** One call whose request is encoded already. The parts must not be changed before it has ended. */
  async callEncoded<Response>(
    method: RpcMethod<never, Response>,
    request: readonly Uint8Array[],
    timeoutMs: number,
  ): Promise<Response> {
    return this.#decode(method, await this.#send(method, request, timeoutMs));
  }

  /** Ends the connection: what waits fails with `CLOSED`. */
  close(): void {
    this.#end(new HBaseError('CLOSED', 'the connection was closed', { server: this.address.name }));
  }

  #send(
    method: { readonly name: string },
    request: readonly Uint8Array[],
    timeoutMs: number,
  ): Promise<AnswerParts> {
    const { protocol, pendingBytesMax, pendingCallsMax, stats, monotonicMs } = this.#options;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const callId = this.#nextCallId();
    const header = protocol.requestHeader.encode({
      callId,
      methodName: method.name,
      requestParam: true,
      timeout: Math.max(1, Math.floor(timeoutMs)),
    });
    const { buffers, byteLength } = encodeCall(header, request);
    const { count, bytes } = this.#pending;
    if (count >= pendingCallsMax || (count > 0 && bytes + byteLength > pendingBytesMax)) {
      const what = `${count} calls with ${bytes} bytes wait for an answer`;
      return Promise.reject(new HBaseError('OVERLOADED', what, { server: this.address.name }));
    }
    const sentMs = monotonicMs();
    return new Promise((resolve, reject) => {
      const deadlineMs = sentMs + timeoutMs;
      this.#pending.add(callId, { sentMs, deadlineMs, byteLength, method: method.name, resolve, reject });
      stats.calls++;
      stats.callsPending++;
      stats.bytesOut += byteLength;
      this.#corkThisTurn();
      for (const buffer of buffers) this.#socket.write(buffer);
    });
  }

  #decode<Response>(method: RpcMethod<never, Response>, { body, cells }: AnswerParts): Response {
    try {
      return method.decode(body, cells);
    } catch (cause) {
      const what = `the answer of ${method.name} cannot be read`;
      throw new HBaseError('PROTOCOL', what, { server: this.address.name, cause });
    }
  }

  #nextCallId(): number {
    this.#lastCallId = this.#lastCallId === CALL_ID_MAX ? 1 : this.#lastCallId + 1;
    return this.#lastCallId;
  }

  /** All calls of one turn leave in one write to the operating system. */
  #corkThisTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  #received(chunk: Buffer): void {
    this.#lastReceivedMs = this.#options.monotonicMs();
    this.#options.stats.bytesIn += chunk.length;
    try {
      this.#reader.push(chunk);
    } catch (cause) {
      const error =
        cause instanceof HBaseError
          ? cause
          : new HBaseError('PROTOCOL', 'an answer cannot be read', { cause });
      this.#end(error.at({ server: this.address.name }));
    }
  }

  #answered(frame: Buffer): void {
    const answer = splitAnswer(frame);
    const header = this.#options.protocol.responseHeader.decode(answer.header);
    if ((header.cellBlockMeta?.length ?? 0) !== answer.cells.length)
      throw new HBaseError('PROTOCOL', `${answer.cells.length} bytes of cells, and another number announced`);
    const call = this.#pending.take(header.callId);
    if (header.exception !== null) {
      const { exceptionClassName: className, stackTrace, doNotRetry } = header.exception;
      const error = errorOf({ className, stackTrace, doNotRetry }, { server: this.address.name });
      if (call !== undefined) {
        this.#options.stats.callsPending--;
        call.reject(error);
        // A negative call id: the server refuses the connection as a whole.
      } else if (header.callId < 0 || header.callId > CALL_ID_MAX) this.#end(error);
    } else if (call !== undefined) {
      this.#options.stats.callsPending--;
      call.resolve(answer);
    }
  }

  #timedOut(call: PendingCall): void {
    const { stats } = this.#options;
    stats.timeouts++;
    stats.callsPending--;
    const waitedMs = Math.round(call.deadlineMs - call.sentMs);
    const what = `no answer to ${call.method} within ${waitedMs} ms`;
    call.reject(new HBaseError('ATTEMPT_TIMEOUT', what, { server: this.address.name }));
    // Not one byte since the call went out: the peer is paused, cut off or gone, and everything behind this call waits in vain.
    if (this.#lastReceivedMs < call.sentMs)
      this.#end(this.#lost(`nothing came from the server for ${waitedMs} ms`));
  }

  #lost(what: string, cause?: unknown): HBaseError {
    return new HBaseError('CONNECTION_LOST', what, { server: this.address.name, cause });
  }

  #end(failure: HBaseError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    const { stats } = this.#options;
    stats.connectionsOpen--;
    stats.callsPending -= this.#pending.count;
    if (failure.code !== 'CLOSED') stats.connectionsLost++;
    this.#socket.destroy();
    this.#onClose();
    this.#pending.failAll(() => failure);
  }
}
