/** Damage to bytes, and ways to cut them: what a broken client, a bad link or an attacker makes of packets. */
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';

/** Lengths, identifiers and flags go wrong at these. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xff] as const;
const RUN_BYTES_MAX = 32;

type Mutation = (bytes: Buffer, random: SeededRandom) => Buffer;

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (bytes, random) => replaced(bytes, random, (byte) => byte ^ (1 << random.integer(0, 7))),
  (bytes, random) => replaced(bytes, random, () => random.pick(EDGES)),
  (bytes, random) => replaced(bytes, random, () => random.integer(0, 255)),
  (bytes, random) => replaced(bytes, random, (byte) => byte + random.pick([-1, 1])),
  // Truncated.
  (bytes, random) => bytes.subarray(0, random.integer(0, bytes.length)),
  // Without a run of bytes.
  (bytes, random) => {
    const [start, end] = run(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  // With a run twice.
  (bytes, random) => {
    const [start, end] = run(bytes, random);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  // With noise in between.
  (bytes, random) => {
    const at = random.integer(0, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), noise(random, RUN_BYTES_MAX), bytes.subarray(at)]);
  },
];

/** One or a few kinds of damage, one after the other. */
export function mutated(bytes: Buffer, random: SeededRandom): Buffer {
  let damaged = bytes;
  for (let left = random.integer(1, 3); left > 0; left--) damaged = random.pick(MUTATIONS)(damaged, random);
  return damaged;
}

export function noise(random: SeededRandom, bytesMax: number): Buffer {
  return Buffer.from(Array.from({ length: random.integer(0, bytesMax) }, () => random.integer(0, 255)));
}

/** The same bytes in pieces: mostly few, sometimes one by one. */
export function cut(bytes: Buffer, random: SeededRandom): Buffer[] {
  const pieceBytesMax = random.chance(0.1) ? 1 : Math.max(1, random.integer(1, bytes.length));
  const pieces: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = start + random.integer(1, pieceBytesMax);
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}

function replaced(bytes: Buffer, random: SeededRandom, change: (byte: number) => number): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  const at = random.integer(0, copy.length - 1);
  copy[at] = change(copy[at] ?? 0) & 0xff;
  return copy;
}

function run(bytes: Buffer, random: SeededRandom): [start: number, end: number] {
  const start = random.integer(0, bytes.length);
  return [start, Math.min(bytes.length, start + random.integer(1, RUN_BYTES_MAX))];
}
