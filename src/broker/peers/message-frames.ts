/** One message for many sessions of a peer, in as few frames as are not too large. */
import { cutByBytes, LIST_BYTES } from '../../cluster/frame-bounds.ts';
import type { MessageFrame } from '../../cluster/peer-frame.ts';
import {
  groupBytesMax,
  messageFrameBytesMax,
  targetBytesMax,
} from '../../cluster/wire/message-frame-codec.ts';

/**
 * `whole` itself, or frames that have each of its groups and targets once; only the first is for whoever is interested. A large message
 * is repeated as seldom as `frameBytesMax` allows.
 */
export function messageFrames(whole: MessageFrame, frameBytesMax: number): readonly MessageFrame[] {
  const { groups, targets } = whole;
  if (groups.length <= 1 && targets.length <= 1) return [whole];
  const messageBytes = messageFrameBytesMax({ ...whole, groups: [], targets: [] });
  const listBytes = Math.min(Math.max(LIST_BYTES, messageBytes), (frameBytesMax - messageBytes) / 2);
  const groupPieces = [...cutByBytes(groups, groupBytesMax, listBytes)];
  const targetPieces = [...cutByBytes(targets, targetBytesMax, listBytes)];
  const count = Math.max(groupPieces.length, targetPieces.length);
  return Array.from({ length: count }, (_, index) => ({
    ...whole,
    forInterest: whole.forInterest && index === 0,
    groups: groupPieces[index] ?? [],
    targets: targetPieces[index] ?? [],
  }));
}
