/**
 * Finds the usable rate: the highest offered rate without loss and with p99 below half a second. It doubles until two rates
 * in a row are too much, then halves the interval (geometrically) until it is narrow.
 */
import { type Probe, ProbedClients, type Shape } from './probe.ts';
import type { Bench, Column, Measurement } from './scenario.ts';

const START_RATE_PER_SECOND = 4000;
const RATE_MIN_PER_SECOND = 10;
const RATE_MAX_PER_SECOND = 2_000_000;

export const USABLE_RATE_COLUMNS: readonly Column[] = [
  { key: 'rate', title: 'usable msg/s', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 2 },
  { key: 'p99', title: 'p99 ms', digits: 2 },
  { key: 'brokerUs', title: 'broker µs/msg', digits: 1 },
  { key: 'driverUs', title: 'driver µs/msg', digits: 1 },
];

/** `fanOut`: deliveries per published message, so that the search starts where a broker is comfortable. */
export async function measureUsableRate(bench: Bench, shape: Shape, fanOut: number): Promise<Measurement> {
  const clients = new ProbedClients(bench, shape);
  const { rate } = bench.options;
  if (rate !== undefined) return measurementOf(await clients.probe(rate));
  const found = await search(clients, START_RATE_PER_SECOND / fanOut, bench.options.scale.searchRatio);
  if (found.usable === undefined) {
    return {
      figures: {},
      note: `no usable rate down to ${found.refused?.rate.toFixed(0) ?? 0}/s: ${found.refused?.complaint ?? ''}`,
    };
  }
  const measured = measurementOf(found.usable);
  const limit =
    found.refused === undefined
      ? ''
      : `next refused: ${found.refused.rate.toFixed(0)}/s (${found.refused.complaint})`;
  return { ...measured, note: [measured.note, limit].filter((part) => part !== '').join('; ') };
}

interface Bounds {
  readonly usable: Probe | undefined;
  readonly refused: Probe | undefined;
}

async function search(clients: ProbedClients, startRate: number, ratio: number): Promise<Bounds> {
  const { usable, refused } = await climb(clients, startRate);
  if (usable === undefined) return descend(clients, startRate / 2);
  return refused === undefined ? { usable, refused } : bisect(clients, usable, refused, ratio);
}

/** Doubles from `startRate` until two rates in a row are refused: one refusal may be the machine's doing. */
async function climb(clients: ProbedClients, startRate: number): Promise<Bounds> {
  let usable: Probe | undefined;
  let refused: Probe | undefined;
  for (let rate = startRate; rate <= RATE_MAX_PER_SECOND; rate *= 2) {
    const probe = await probeTwice(clients, rate);
    if (probe.complaint === '') {
      usable = probe;
      refused = undefined;
    } else if (refused === undefined) refused = probe;
    else break;
  }
  return { usable, refused };
}

/** Halves until a rate is usable. */
async function descend(clients: ProbedClients, startRate: number): Promise<Bounds> {
  let refused: Probe | undefined;
  for (let rate = startRate; rate >= RATE_MIN_PER_SECOND; rate /= 2) {
    const probe = await probeTwice(clients, rate);
    if (probe.complaint === '') return { usable: probe, refused };
    refused = probe;
  }
  return { usable: undefined, refused };
}

async function bisect(clients: ProbedClients, low: Probe, high: Probe, ratio: number): Promise<Bounds> {
  let usable = low;
  let refused = high;
  while (refused.rate / usable.rate > ratio) {
    const probe = await probeTwice(clients, Math.sqrt(usable.rate * refused.rate));
    if (probe.complaint === '') usable = probe;
    else refused = probe;
  }
  return { usable, refused };
}

/** A rate is refused only when it fails twice: one hiccup of the machine is not the broker's limit. */
async function probeTwice(clients: ProbedClients, rate: number): Promise<Probe> {
  const first = await clients.probe(rate);
  return first.complaint === '' ? first : clients.probe(rate);
}

function measurementOf(probe: Probe): Measurement {
  return {
    figures: {
      rate: probe.deliveredPerSecond,
      p50: probe.p50Ms,
      p99: probe.p99Ms,
      brokerUs: probe.brokerUs,
      driverUs: probe.driverUs,
    },
    note: [probe.complaint, probe.remark].filter((part) => part !== '').join(', '),
  };
}
