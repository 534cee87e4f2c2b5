import { describe, expect, test } from 'vitest';
import type { QueueQuota } from '../../../src/queue/durable-queue.ts';
import { messageExpiresAtMs } from '../../../src/queue/message-age.ts';
import { detach } from '../../../src/queue/message.ts';
import { TransientQueue } from '../../../src/queue/transient-queue.ts';
import { messageTo, queued } from '../../support/simulated-message.ts';

const entry = (payload: string) => queued(messageTo('t', payload));

function drain(queue: TransientQueue): string[] {
  const payloads: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    payloads.push(next.message.payload.toString());
  }
  return payloads;
}

describe('transient queue', () => {
  const roomy: QueueQuota = { messagesMax: 1_000, bytesMax: 1_000_000, policy: 'drop-newest' };

  test('first in, first out, however often it grows and wraps', () => {
    const queue = new TransientQueue();
    const out: string[] = [];
    for (let index = 0; index < 500; index++) {
      queue.push(entry(String(index)), roomy);
      if (index % 3 === 0) out.push(queue.shift()?.message.payload.toString() ?? '');
    }
    out.push(...drain(queue));
    expect(out).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
    expect([queue.length, queue.bytes]).toEqual([0, 0]);
    expect(queue.shift()).toBeUndefined();
  });

  test.each([
    ['drop-newest', ['a', 'b'], 1],
    ['reject', ['a', 'b'], 1],
    ['drop-oldest', ['b', 'c'], 1],
  ] as const)('full by messages, policy %s', (policy, kept, dropped) => {
    const queue = new TransientQueue();
    const quota = { messagesMax: 2, bytesMax: 1_000, policy };
    expect(queue.push(entry('a'), quota)).toBe(0);
    expect(queue.push(entry('b'), quota)).toBe(0);
    expect(queue.push(entry('c'), quota)).toBe(dropped);
    expect(drain(queue)).toEqual(kept);
  });

  test.each([
    ['drop-newest', ['aa', 'bb'], 1],
    ['drop-oldest', ['cccc'], 2],
  ] as const)('full by bytes, policy %s', (policy, kept, dropped) => {
    const queue = new TransientQueue();
    const quota = { messagesMax: 100, bytesMax: 6, policy };
    queue.push(entry('aa'), quota);
    queue.push(entry('bb'), quota);
    expect(queue.push(entry('cccc'), quota)).toBe(dropped);
    expect(drain(queue)).toEqual(kept);
    expect(queue.bytes).toBe(0);
  });

  test('what is kept does not keep the socket chunk it came in', () => {
    const chunk = Buffer.alloc(65_536, 'x');
    const queue = new TransientQueue();
    queue.push(queued({ ...messageTo('t'), payload: chunk.subarray(0, 10) }), roomy);
    expect(queue.shift()?.message.payload.buffer).not.toBe(chunk.buffer);
  });
});

test('a message that owns its bytes is not copied, a view is', () => {
  const own = { ...messageTo('t'), payload: Buffer.alloc(100, 1) };
  expect(detach({ ...own, payload: Buffer.from(new Uint8Array(100).buffer) }).payload).toHaveLength(100);
  const view = { ...own, payload: Buffer.alloc(65_536, 'v').subarray(5, 9) };
  expect(detach(view).payload.toString()).toBe('vvvv');
  expect(detach(view).payload.buffer.byteLength).toBeLessThan(65_536);
});

test.each([
  [undefined, 0, undefined],
  [5, 0, 6_000],
  [undefined, 7, 8_000],
  [5, 7, 6_000],
  [9, 7, 8_000],
  [0, 0, 1_000],
])('a message with expiry %s under an age limit of %i s', (expiryS, ageMaxS, expected) => {
  expect(messageExpiresAtMs(1_000, expiryS, ageMaxS)).toBe(expected);
});
