/**
 * The queue endpoint's messages as typed codecs, made from queue.proto when the first store is opened: the file that the
 * endpoint itself is generated from. Append and read have codecs of their own, see append-request.ts and queue-answers.ts.
 */
import { readFile } from 'node:fs/promises';
import type { Type } from 'protobufjs';
import type { QuotaPolicy } from '../../../queue/durable-queue.ts';

/** Sources and built files lie at different depths below the package. */
const CANDIDATES = ['../../../..', '../../../../..'].map(
  (up) => new URL(`${up}/coprocessor/src/main/proto/queue.proto`, import.meta.url),
);

export const QUEUE_SERVICE = 'spokemq.queue.QueueService';
/** The number that `Statistics` says when the endpoint speaks as this file does. */
export const QUEUE_CONTRACT = 1;

export const POLICY_NUMBERS: Readonly<Record<QuotaPolicy, number>> = {
  reject: 0,
  'drop-oldest': 1,
  'drop-newest': 2,
};

export interface QuotaMessage {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly policy: number;
}

export interface BoundsMessage {
  readonly queue: Buffer;
  readonly min: number;
  readonly next: number;
  readonly messages: number;
  readonly bytes: number;
}

export interface StatisticsMessage {
  readonly version: string;
  readonly contract: number;
  readonly queuesCached: number;
  readonly recoveries: number;
  readonly appendCalls: number;
  readonly messagesAppended: number;
  readonly bytesAppended: number;
  readonly messagesTrimmed: number;
  readonly messagesEvicted: number;
  readonly messagesExpired: number;
  readonly rowsLeftOut: number;
}

/** A call whose request and answer the generic codec writes and reads. */
export interface QueueCall<Request, Answer> {
  readonly method: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (answer: Buffer) => Answer;
}

export type QueueProtocol = Awaited<ReturnType<typeof readProtocol>>;

let loaded: Promise<QueueProtocol> | undefined;

/** The protocol, read once per process. */
export function loadQueueProtocol(): Promise<QueueProtocol> {
  loaded ??= readProtocol();
  return loaded;
}

async function readProtocol() {
  const { default: protobuf } = await import('protobufjs');
  const { root } = protobuf.parse(await definitions(), new protobuf.Root());
  const service = root.resolveAll().lookupService(QUEUE_SERVICE);
  const call = <Request, Answer>(method: string): QueueCall<Request, Answer> => {
    const definition = service.methods[method];
    if (!definition?.resolvedRequestType || !definition.resolvedResponseType)
      throw new Error(`queue.proto has no call ${method}: install the package again`);
    return codecOf(method, definition.resolvedRequestType, definition.resolvedResponseType);
  };
  return {
    read: call<
      {
        readonly queue: Buffer;
        readonly from: number;
        readonly messagesMax: number;
        readonly bytesMax: number;
      },
      unknown
    >('Read'),
    trim: call<{ readonly trim: readonly { readonly queue: Buffer; readonly through: number }[] }, unknown>(
      'Trim',
    ),
    mark: call<{ readonly queue: Buffer; readonly seq: readonly number[] }, unknown>('Mark'),
    bounds: call<{ readonly queue: readonly Buffer[] }, { readonly bounds: readonly BoundsMessage[] }>(
      'Bounds',
    ),
    drop: call<{ readonly queue: readonly Buffer[] }, unknown>('Drop'),
    setQuota: call<{ readonly queue: Buffer; readonly quota?: QuotaMessage }, unknown>('SetQuota'),
    list: call<
      { readonly after?: Buffer; readonly queuesMax: number },
      { readonly bounds: readonly BoundsMessage[]; readonly last?: Buffer }
    >('List'),
    sweep: call<
      { readonly nowMs: number; readonly budgetMs: number },
      { readonly removed: number; readonly done: boolean }
    >('Sweep'),
    statistics: call<object, StatisticsMessage>('Statistics'),
  };
}

async function definitions(): Promise<string> {
  for (const candidate of CANDIDATES) {
    try {
      return await readFile(candidate, 'utf8');
    } catch {
      // At the other depth, then.
    }
  }
  throw new Error(
    'coprocessor/src/main/proto/queue.proto of spokemq was not found: install the package again',
  );
}

/** The one place where the untyped messages of protobufjs become ours: the definitions say what the interfaces say. */
function codecOf<Request, Answer>(method: string, request: Type, answer: Type): QueueCall<Request, Answer> {
  return {
    method,
    encode: (message) =>
      request.encode(request.fromObject(message as Record<string, unknown>)).finish() as Buffer,
    decode: (bytes) =>
      answer.toObject(answer.decode(bytes), {
        longs: Number,
        arrays: true,
        bytes: Buffer,
      }) as unknown as Answer,
  };
}
