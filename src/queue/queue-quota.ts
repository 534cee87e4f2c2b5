/** What a quota says about one more message. */
import type { QueueKind, QueueQuota, QueueTotal, TotalBound, TotalQuota } from './durable-queue.ts';

/** `evict`: oldest messages have to go, and then it fits. */
export type QuotaVerdict = 'fits' | 'evict' | 'rejected' | 'dropped';

/**
 * The quota that counts for a queue of that kind. A held message was answered with PUBREC: nothing may drop it, so
 * a full `held` queue rejects. `atMost`: what it holds now, and must not hold more than.
 */
export function quotaFor(kind: QueueKind, quota: QueueQuota, atMost?: QueueTotal): QueueQuota {
  const ofKind: QueueQuota =
    kind === 'held' && quota.policy !== 'reject' ? { ...quota, policy: 'reject' } : quota;
  if (atMost === undefined) return ofKind;
  const messagesMax = Math.min(quota.messagesMax, atMost.messages);
  return { messagesMax, bytesMax: Math.min(quota.bytesMax, atMost.bytes), policy: ofKind.policy };
}

/** What the queues of a tenant together, which hold `total`, have no room for; undefined: there is room. */
export function beyondTotal(
  quota: TotalQuota | undefined,
  total: QueueTotal,
  newBytes: number,
): TotalBound | undefined {
  if (quota === undefined) return undefined;
  if (total.messages >= quota.messagesMax) return 'messages';
  return total.bytes + newBytes > quota.bytesMax ? 'bytes' : undefined;
}

/** A message that an empty queue could not take is never a reason to evict others. */
export function quotaVerdict(
  quota: QueueQuota,
  messages: number,
  bytes: number,
  newBytes: number,
): QuotaVerdict {
  if (isWithin(quota, messages, bytes, newBytes)) return 'fits';
  switch (quota.policy) {
    case 'reject':
      return 'rejected';
    case 'drop-newest':
      return 'dropped';
    case 'drop-oldest':
      return isWithin(quota, 0, 0, newBytes) ? 'evict' : 'dropped';
  }
}

/** Whether a message of `newBytes` has room beside what is there. */
export function isWithin(quota: QueueQuota, messages: number, bytes: number, newBytes: number): boolean {
  return messages < quota.messagesMax && bytes + newBytes <= quota.bytesMax;
}
