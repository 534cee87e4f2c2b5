/** Cases at the level of bytes and of packets: noise, damaged packets in any order, and whole ones with odd fields. */
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { Corpus } from './corpus.ts';
import { LEVELS } from './corpus.ts';
import { send, type FuzzCase, type FuzzStep } from './fuzz-case.ts';
import { cut, mutated, noise } from './mutation.ts';

const PACKETS_MAX = 8;
const NOISE_BYTES_MAX = 2_048;

/** Nothing but noise, in front of CONNECT or behind it. */
export function noiseCase(name: string, corpus: Corpus, random: SeededRandom): FuzzCase {
  const level = random.pick(LEVELS);
  const connect = random.chance(0.5) ? [corpus.connect(level, random)] : [];
  return oneConnection(name, level, Buffer.concat([...connect, noise(random, NOISE_BYTES_MAX)]), random);
}

/** Packets of the corpus, some of them damaged, joined and cut anywhere. */
export function damagedCase(name: string, corpus: Corpus, random: SeededRandom): FuzzCase {
  const level = random.pick(LEVELS);
  const packets = [corpus.connect(level, random)];
  for (let left = random.integer(0, PACKETS_MAX); left > 0; left--) packets.push(corpus.later(level, random));
  const damage = random.between(0, 1);
  const bytes = packets.map((packet) => (random.chance(damage) ? mutated(packet, random) : packet));
  return oneConnection(name, level, Buffer.concat(bytes), random);
}

/** Whole packets with odd fields, on a connection that was let in. */
export function oddPacketsCase(name: string, corpus: Corpus, random: SeededRandom): FuzzCase {
  const level = random.pick(LEVELS);
  const steps: FuzzStep[] = [send(0, corpus.connect(level, random)), { do: 'wait' }];
  for (let left = random.integer(1, PACKETS_MAX); left > 0; left--) {
    steps.push(send(0, corpus.later(level, random)));
  }
  return { name, connections: [{ level }], steps: [...steps, ...goodbye(random)] };
}

function oneConnection(name: string, level: 3 | 4 | 5, bytes: Buffer, random: SeededRandom): FuzzCase {
  const pieces = cut(bytes, random).map((piece) => send(0, piece));
  return { name, connections: [{ level }], steps: [...pieces, ...goodbye(random)] };
}

function goodbye(random: SeededRandom): FuzzStep[] {
  const way = random.pick(['end', 'reset'] as const);
  return random.chance(0.7) ? [{ do: 'wait' }, { do: way, connection: 0 }] : [{ do: way, connection: 0 }];
}
