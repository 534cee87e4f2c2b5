/** A server that speaks HBase's framing and answers what a test tells it to: for the connection's behaviour, not for HBase's. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import protobuf from 'protobufjs';
import { FrameReader, splitAnswer } from '../../../../../src/adapters/hbase/client/frame-reader.ts';
import {
  type ServerAddress,
  serverAddress,
} from '../../../../../src/adapters/hbase/client/server-address.ts';

const FRAME_BYTES_MAX = 64 * 1024 * 1024;
/** Magic, version and authentication. */
const PREAMBLE_BYTES = 6;

const { root } = protobuf.parse(`syntax = "proto2";
  message Request { optional uint32 call_id = 1; optional string method = 3; optional uint32 timeout = 7; }
  message Failure { optional string class_name = 1; optional string trace = 2; optional bool do_not_retry = 5; }
  message Answer { optional uint32 call_id = 1; optional Failure exception = 2; }`);
const request = root.lookupType('Request');
const answer = root.lookupType('Answer');

export interface ReceivedCall {
  readonly callId: number;
  readonly method: string;
  readonly timeout: number;
  readonly body: Buffer;
  readonly socket: Socket;
}

export class FakeServer {
  readonly address: ServerAddress;
  /** In the order they came. */
  readonly calls: ReceivedCall[] = [];
  readonly sockets = new Set<Socket>();
  readonly #server: Server;
  #onCall: (call: ReceivedCall) => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.address = serverAddress('127.0.0.1', (server.address() as AddressInfo).port);
    server.on('connection', (socket) => {
      this.#serve(socket);
    });
  }

  static async listen(): Promise<FakeServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeServer(server);
  }

  /** What happens to each call; nothing, until this is set. */
  onCall(action: (call: ReceivedCall) => void): void {
    this.#onCall = action;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    let preamble = PREAMBLE_BYTES;
    let isHeader = true;
    const reader = new FrameReader(FRAME_BYTES_MAX, (frame) => {
      if (isHeader) isHeader = false;
      else this.#called(frame, socket);
    });
    socket.on('data', (chunk: Buffer) => {
      const skipped = Math.min(preamble, chunk.length);
      preamble -= skipped;
      reader.push(chunk.subarray(skipped));
    });
  }

  #called(frame: Buffer, socket: Socket): void {
    const { header, body } = splitAnswer(frame);
    const { callId, method, timeout } = request.toObject(request.decode(header)) as Omit<
      ReceivedCall,
      'body' | 'socket'
    >;
    const call = { callId, method, timeout, body: Buffer.from(body), socket };
    this.calls.push(call);
    this.#onCall(call);
  }
}

/** An answer with this body: bytes below 128 in number. */
export function answerTo(callId: number, body: Buffer): Buffer {
  return framed([delimited(answer.encode({ callId }).finish()), delimited(body)]);
}

export function failureOf(callId: number, className: string): Buffer {
  const exception = { className, trace: `${className}: told to` };
  return framed([delimited(answer.encode({ callId, exception }).finish())]);
}

function delimited(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function framed(parts: readonly Buffer[]): Buffer {
  const rest = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(rest.length);
  return Buffer.concat([length, rest]);
}
