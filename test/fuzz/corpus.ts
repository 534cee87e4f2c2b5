/**
 * Well-formed packets to begin with: those of the packet table, and as many of fast-check's as the seed gives, with odd
 * fields in every place that has one.
 */
import fc from 'fast-check';
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';
import { connectPackets, laterPackets } from '../packets/packet-arbitraries.ts';
import { PACKET_TABLE } from '../packets/packet-table.ts';

export const LEVELS: readonly [ProtocolLevel, ProtocolLevel, ProtocolLevel] = [3, 4, 5];
const SAMPLES = 300;

interface Shelf {
  readonly connects: Buffer[];
  readonly later: Buffer[];
}

export class Corpus {
  readonly #shelves: Readonly<Record<ProtocolLevel, Shelf>> = { 3: shelf(), 4: shelf(), 5: shelf() };

  constructor(seed: number) {
    for (const { level, bytes } of fc.sample(connectPackets, { seed, numRuns: SAMPLES })) {
      this.#shelves[level].connects.push(bytes);
    }
    for (const level of LEVELS) {
      const { later } = this.#shelves[level];
      for (const { bytes } of fc.sample(laterPackets(level), { seed, numRuns: SAMPLES })) later.push(bytes);
    }
    for (const { level, bytes } of PACKET_TABLE) {
      if (level !== undefined) this.#shelves[level].later.push(bytes);
    }
  }

  /** A CONNECT of that level. */
  connect(level: ProtocolLevel, random: SeededRandom): Buffer {
    return pickFrom(this.#shelves[level].connects, random);
  }

  /** What may follow it, mostly valid. */
  later(level: ProtocolLevel, random: SeededRandom): Buffer {
    return pickFrom(this.#shelves[level].later, random);
  }
}

function shelf(): Shelf {
  return { connects: [], later: [] };
}

function pickFrom(packets: readonly Buffer[], random: SeededRandom): Buffer {
  const packet = packets[random.integer(0, packets.length - 1)];
  if (packet === undefined) throw new Error('corpus: nothing on the shelf');
  return packet;
}
