import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import {
  encodeAppendRequest,
  EXPIRY_GRACE_MS,
} from '../../../../../src/adapters/hbase/queue/append-request.ts';
import {
  decodeAppendResponse,
  decodeReadResponse,
} from '../../../../../src/adapters/hbase/queue/queue-answers.ts';
import { queueRow } from '../../../../../src/adapters/hbase/queue/row-key.ts';
import type { AppendEntry, QueueQuota } from '../../../../../src/queue/durable-queue.ts';
import {
  deliveryBytes,
  encodeDelivery,
  encodeMessage,
  messageBytesMax,
} from '../../../../../src/queue/message-codec.ts';
import { messageBytes, type Message, type QueuedMessage } from '../../../../../src/queue/message.ts';
import { messageOf, queuedOf, queueOf } from '../../../../contract/durable-queue-contract.ts';

const NOW_MS = 1_700_000_000_000;
const QUOTA: QueueQuota = { messagesMax: 2 ** 40, bytesMax: Number.MAX_SAFE_INTEGER, policy: 'drop-oldest' };

const root = protobuf.parse(
  readFileSync(new URL('../../../../../coprocessor/src/main/proto/queue.proto', import.meta.url), 'utf8'),
  new protobuf.Root(),
).root;
/** The generic codec: what the endpoint's generated classes agree with. */
const plain = (name: string, bytes: Buffer): Record<string, unknown> => {
  const type = root.lookupType(`spokemq.queue.${name}`);
  return type.toObject(type.decode(bytes), { longs: Number, enums: String, bytes: Buffer, arrays: true });
};
const encoded = (name: string, message: object): Buffer => {
  const type = root.lookupType(`spokemq.queue.${name}`);
  return type.encode(type.fromObject(message)).finish() as Buffer;
};

function bodyOf(message: Message): Buffer {
  const target = Buffer.alloc(messageBytesMax(message));
  return target.subarray(0, encodeMessage(message, target, 0));
}

function deliveryOf(queued: QueuedMessage): Buffer {
  const target = Buffer.alloc(deliveryBytes(queued));
  encodeDelivery(queued, 0, target, 0);
  return target;
}

function entry(
  session: number,
  sequence: number,
  message: Message,
  more: Partial<AppendEntry> = {},
): AppendEntry {
  return { queue: queueOf(session), producer: 'broker#1', sequence, queued: queuedOf(message), ...more };
}

describe('the request of an append', () => {
  test('says what queue.proto says, with a shared body once and producers by index', () => {
    const shared = messageOf('to all');
    const late = messageOf('städte/🚲', NOW_MS + 5_000);
    const marked = queuedOf(shared, {
      subscriptionIds: [1, 268_435_455],
      retain: true,
      qos: 2,
      packetId: 65_535,
    });
    const first = [entry(1, 1, shared), entry(1, Number.MAX_SAFE_INTEGER, late)];
    const second = [entry(2, 300, shared, { producer: 'ключ/7', queued: marked })];
    const appends = [first, second].map((entries, index) => ({ row: queueRow(queueOf(index + 1)), entries }));
    const bytes = encodeAppendRequest(appends, { defaultQuota: QUOTA, nowMs: NOW_MS });
    const size = messageBytes(shared);
    const expiring = { expiresAtMs: NOW_MS + 5_000, ttlMs: 5_000 + EXPIRY_GRACE_MS };
    expect(plain('AppendRequest', bytes)).toEqual({
      defaultQuota: { messagesMax: QUOTA.messagesMax, bytesMax: QUOTA.bytesMax, policy: 'DROP_OLDEST' },
      nowMs: NOW_MS,
      producer: ['broker#1', 'ключ/7'],
      body: [bodyOf(shared), bodyOf(late)],
      append: [
        {
          queue: queueRow(queueOf(1)),
          entry: [
            { producer: 0, sequence: 1, body: 0, delivery: deliveryOf(queuedOf(shared)), size },
            {
              producer: 0,
              sequence: Number.MAX_SAFE_INTEGER,
              body: 1,
              delivery: deliveryOf(queuedOf(late)),
              size: messageBytes(late),
              ...expiring,
            },
          ],
        },
        {
          queue: queueRow(queueOf(2)),
          entry: [{ producer: 1, sequence: 300, body: 0, delivery: deliveryOf(marked), size }],
        },
      ],
    });
  });

  test('says which entries the tenant’s queues together have no room for', () => {
    const entries = [1, 2, 3].map((sequence) => entry(1, sequence, messageOf('x')));
    const appends = [
      { row: queueRow(queueOf(1)), entries, noRoom: [undefined, 'bytes', 'messages'] as const },
    ];
    const bytes = encodeAppendRequest(appends, { defaultQuota: QUOTA, nowMs: NOW_MS });
    const { append } = plain('AppendRequest', bytes) as { append: { entry: { noGrowth?: boolean }[] }[] };
    expect(append[0]?.entry.map(({ noGrowth }) => noGrowth)).toEqual([undefined, true, true]);
  });

  test('keeps cells of a message that has expired for the grace only', () => {
    const expired = messageOf('old', NOW_MS - 10_000);
    const appends = [{ row: queueRow(queueOf(1)), entries: [entry(1, 1, expired)] }];
    const bytes = encodeAppendRequest(appends, { defaultQuota: QUOTA, nowMs: NOW_MS });
    expect(plain('AppendRequest', bytes)).toMatchObject({
      append: [{ entry: [{ ttlMs: EXPIRY_GRACE_MS }] }],
    });
  });

  test('has room for a large body, and for many entries', () => {
    const large = { ...messageOf(''), payload: Buffer.alloc(3_000_000, 'x') };
    const entries = Array.from({ length: 3_000 }, (_, index) =>
      entry(1, index + 1, index === 7 ? large : messageOf('y')),
    );
    const bytes = encodeAppendRequest([{ row: queueRow(queueOf(1)), entries }], {
      defaultQuota: QUOTA,
      nowMs: NOW_MS,
    });
    const { append, body } = plain('AppendRequest', bytes) as {
      append: { entry: unknown[] }[];
      body: Buffer[];
    };
    expect(append[0]?.entry).toHaveLength(3_000);
    expect(body[7]?.equals(bodyOf(large))).toBe(true);
  });
});

describe('answers', () => {
  test('of an append, packed and sparse', () => {
    const answer = encoded('AppendResponse', {
      result: [
        { status: ['STORED', 'REPEAT'], seq: [2 ** 52, 4], evicted: [3, 0] },
        { status: ['REJECTED', 'DROPPED'], seq: [0, 0] },
        {},
      ],
    });
    expect(decodeAppendResponse(answer)).toEqual([
      [
        { status: 'stored', seq: 2 ** 52, evicted: 3 },
        { status: 'repeat', seq: 4, evicted: 0 },
      ],
      [
        { status: 'rejected', seq: 0, evicted: 0 },
        { status: 'dropped', seq: 0, evicted: 0 },
      ],
      [],
    ]);
  });

  test('of a read', () => {
    const queued = queuedOf(messageOf('hello', NOW_MS), { subscriptionIds: [7], packetId: 9 });
    const value = Buffer.concat([deliveryOf(queued), bodyOf(queued.message)]);
    const answer = encoded('ReadResponse', { entry: [{ seq: 5, marked: true, value }] });
    expect(decodeReadResponse(answer)).toEqual([{ seq: 5, marked: true, queued }]);
  });

  test('skip what a later release adds, and refuse what is cut off or too large', () => {
    const extra = Buffer.from([0x7a, 2, 1, 2, 0x78, 1, 0x7d, 0, 0, 0, 0, 0x79, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(decodeAppendResponse(extra)).toEqual([]);
    const whole = encoded('AppendResponse', { result: [{ status: ['STORED'], seq: [1] }] });
    for (let length = 1; length < whole.length; length++) {
      expect(() => decodeAppendResponse(whole.subarray(0, length)), `${length} bytes`).toThrow(
        'ends too early',
      );
    }
    const huge = Buffer.from([0x0a, 12, 0x12, 10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    expect(() => decodeAppendResponse(huge)).toThrow('beyond 2^53');
  });

  test('refuse a status that this release does not know', () => {
    expect(() => decodeAppendResponse(Buffer.from([0x0a, 3, 0x0a, 1, 9]))).toThrow('append status 9');
  });
});
