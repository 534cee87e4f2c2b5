/**
 * One real call to each kind of server: does it serve? It speaks just enough of HBase's protocol for that, on purpose without
 * the product's client, which is tested against what this starts.
 */
import { Reader, Writer } from 'protobufjs';
import { firstAnswer } from '../first-answer.ts';

/** `HBas`, version 0, authentication SIMPLE. */
const PREAMBLE = Buffer.from([0x48, 0x42, 0x61, 0x73, 0, 0x50]);

interface ProbeCall {
  readonly service: string;
  readonly method: string;
}

/** A master answers this only once it has finished its start: meta is assigned, namespaces are loaded. */
const MASTER_CALL: ProbeCall = { service: 'MasterService', method: 'ListNamespaces' };
/** A region server answers this only once a master has let it in. */
const REGION_SERVER_CALL: ProbeCall = { service: 'AdminService', method: 'GetServerInfo' };

const CALL_ID = 1;
/** ZooKeeper's short command for what it is, and how its answer begins. */
const ZOOKEEPER_COMMAND = 'srvr';
const ZOOKEEPER_ANSWER = 'Zookeeper version';

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
 * Resolves when the master that listens on `port` of 127.0.0.1 has finished its start. This and the next two reject with the
 * class name of the server's exception, or why it cannot be called; asking again later is safe.
 */
export async function callMaster(port: number): Promise<void> {
  await call(port, MASTER_CALL);
}

export async function callRegionServer(port: number): Promise<void> {
  await call(port, REGION_SERVER_CALL);
}

export async function callZooKeeper(port: number): Promise<void> {
  const answer = await firstAnswer(port, ZOOKEEPER_COMMAND, (received) =>
    received.length < ZOOKEEPER_ANSWER.length ? undefined : received,
  );
  if (!answer.toString().startsWith(ZOOKEEPER_ANSWER))
    throw new Error(`ZooKeeper answered "${answer.toString()}"`);
}

async function call(port: number, probe: ProbeCall): Promise<void> {
  const request = Buffer.concat([PREAMBLE, framed(connectionHeader(probe)), framed(requestOf(probe))]);
  const exception = exceptionOf(await firstAnswer(port, request, frameOf));
  if (exception !== undefined) throw new Error(exception);
}

function connectionHeader({ service }: ProbeCall): Uint8Array {
  const user = Writer.create()
    .uint32(tag(USER_INFORMATION.effectiveUser, DELIMITED))
    .string('engines')
    .finish();
  return Writer.create()
    .uint32(tag(CONNECTION_HEADER.userInfo, DELIMITED))
    .bytes(user)
    .uint32(tag(CONNECTION_HEADER.serviceName, DELIMITED))
    .string(service)
    .finish();
}

function requestOf({ method }: ProbeCall): Uint8Array {
  const header = Writer.create()
    .uint32(tag(REQUEST_HEADER.callId, VARINT))
    .uint32(CALL_ID)
    .uint32(tag(REQUEST_HEADER.methodName, DELIMITED))
    .string(method)
    .uint32(tag(REQUEST_HEADER.requestParam, VARINT))
    .bool(true)
    .finish();
  const empty = new Uint8Array();
  return Writer.create().bytes(header).bytes(empty).finish();
}

/** The first whole frame without its length. */
function frameOf(received: Buffer): Buffer | undefined {
  if (received.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + received.readUInt32BE(0);
  return received.length < end ? undefined : received.subarray(LENGTH_BYTES, end);
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
