/** What a quota says about one more message. */
import type { QueueKind, QueueQuota } from './durable-queue.ts';

/** `evict`: oldest messages have to go, and then it fits. */
export type QuotaVerdict = 'fits' | 'evict' | 'rejected' | 'dropped';

/**
 * The quota that counts for a queue of that kind. A held message was answered with PUBREC: nothing may drop it, so
 * a full `held` queue rejects.
 */
export function quotaFor(kind: QueueKind, quota: QueueQuota): QueueQuota {
  return kind === 'held' && quota.policy !== 'reject' ? { ...quota, policy: 'reject' } : quota;
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
