/**
 * One real call to an HBase master: does it serve? It speaks just enough of HBase's protocol for that, on purpose without the
 * product's client, which is tested against what this starts.
 */
import { createConnection } from 'node:net';
import { Reader, Writer } from 'protobufjs';

/** `HBas`, version 0, authentication SIMPLE. */
const PREAMBLE = Buffer.from([0x48, 0x42, 0x61, 0x73, 0, 0x50]);
const CALL_MS_MAX = 5_000;

/** A call that a master answers only once it has finished its start: meta is assigned, namespaces are loaded. */
const METHOD = 'ListNamespaces';
const CALL_ID = 1;

/** Field numbers of RPC.proto. */
const USER_INFORMATION = { effectiveUser: 1 } as const;
const CONNECTION_HEADER = { userInfo: 1, serviceName: 2 } as const;
const REQUEST_HEADER = { callId: 1, methodName: 3, requestParam: 4 } as const;
const RESPONSE_HEADER = { exception: 2 } as const;
const EXCEPTION_RESPONSE = { exceptionClassName: 1 } as const;

const LENGTH_BYTES = 4;

const VARINT = 0;
const DELIMITED = 2;
const tag = (field: number, wireType: number) => (field << 3) | wireType;

/**
 * Resolves when the master that listens on `port` of 127.0.0.1 has finished its start. Rejects with the class name of its
 * exception, or why it cannot be called; asking again later is safe.
 */
export async function callMaster(port: number): Promise<void> {
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.setTimeout(CALL_MS_MAX, () => socket.destroy(new Error(`no answer within ${CALL_MS_MAX} ms`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the master closed the connection')));
    socket.write(Buffer.concat([PREAMBLE, framed(connectionHeader()), framed(request())]));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < LENGTH_BYTES || received.length < LENGTH_BYTES + received.readUInt32BE(0)) return;
      resolve(received.subarray(LENGTH_BYTES));
      socket.destroy();
    });
  });
  const exception = exceptionOf(answer);
  if (exception !== undefined) throw new Error(exception);
}

function connectionHeader(): Uint8Array {
  const user = Writer.create()
    .uint32(tag(USER_INFORMATION.effectiveUser, DELIMITED))
    .string('engines')
    .finish();
  return Writer.create()
    .uint32(tag(CONNECTION_HEADER.userInfo, DELIMITED))
    .bytes(user)
    .uint32(tag(CONNECTION_HEADER.serviceName, DELIMITED))
    .string('MasterService')
    .finish();
}

function request(): Uint8Array {
  const header = Writer.create()
    .uint32(tag(REQUEST_HEADER.callId, VARINT))
    .uint32(CALL_ID)
    .uint32(tag(REQUEST_HEADER.methodName, DELIMITED))
    .string(METHOD)
    .uint32(tag(REQUEST_HEADER.requestParam, VARINT))
    .bool(true)
    .finish();
  const empty = new Uint8Array();
  return Writer.create().bytes(header).bytes(empty).finish();
}

function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The class name of the exception that the response carries. */
function exceptionOf(response: Buffer): string | undefined {
  const header = Reader.create(Reader.create(response).bytes());
  while (header.pos < header.len) {
    const next = header.uint32();
    if (next !== tag(RESPONSE_HEADER.exception, DELIMITED)) {
      header.skipType(next & 7);
      continue;
    }
    const exception = Reader.create(header.bytes());
    while (exception.pos < exception.len) {
      const part = exception.uint32();
      if (part === tag(EXCEPTION_RESPONSE.exceptionClassName, DELIMITED)) return exception.string();
      exception.skipType(part & 7);
    }
    return 'an exception without a name';
  }
  return undefined;
}
