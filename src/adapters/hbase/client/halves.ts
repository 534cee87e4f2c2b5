/** 64-bit numbers between the wire, where protobufjs has them as two 32-bit halves, and bigint. Unsigned both ways. */
import type { Halves } from './messages.ts';

const LOW_BITS = 32n;
const LOW_MASK = 0xffff_ffffn;

export function bigintOf({ low, high }: Halves): bigint {
  return (BigInt(high >>> 0) << LOW_BITS) | BigInt(low >>> 0);
}

/** `value` from 0 to 2^64-1. */
export function halvesOf(value: bigint): Halves & { readonly unsigned: true } {
  return { low: Number(value & LOW_MASK) | 0, high: Number(value >> LOW_BITS) | 0, unsigned: true };
}
