/**
 * Plays cases against brokers until the time is over or one fails: most over links in memory, some over sockets with a
 * witness beside them, on a broker without accounts and one with them in turn. Case `n` of a seed is always the same case.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeededRandom } from '../../src/fleet/seeded-random.ts';
import { damagedCase, noiseCase, oddPacketsCase } from './byte-cases.ts';
import { Corpus } from './corpus.ts';
import { CrashWatch } from './crash-watch.ts';
import type { FuzzCase } from './fuzz-case.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { LinkTarget } from './link-target.ts';
import { minimised } from './minimise.ts';
import { Player } from './player.ts';
import { SocketTarget } from './socket-target.ts';
import { stateCase } from './state-cases.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly report: (line: string) => void;
}

export interface FuzzFailure {
  /** As small as it could be made. */
  readonly case: FuzzCase;
  readonly problems: readonly string[];
}

export interface FuzzReport {
  readonly cases: number;
  readonly socketCases: number;
  readonly roundTrips: number;
  /** Connections that the broker over sockets refused or ended, by its own metrics. */
  readonly refusals: number;
  readonly failure: FuzzFailure | undefined;
}

/** Cases on one broker in memory; then the next begins with nothing, and what the last one held has to be gone. */
const LINK_CASES = 150;
/** On each broker over sockets. */
const SOCKET_CASES = 12;
/** Round trips that the witness has to complete while one of these is played. */
const ROUND_TRIPS_PER_CASE = 20;
/** Brokers after which the heap is what it will be. */
const WARM_UP_ROUNDS = 3;
const HEAP_GROWTH_MAX_BYTES = 48 * 1_048_576;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  // Before the watch, which would keep to itself that they do not start.
  const sockets = await Promise.all([SocketTarget.start('sockets'), SocketTarget.start('accounts')]);
  const watch = new CrashWatch();
  try {
    return await new FuzzRun(options, watch, sockets).run();
  } finally {
    for (const target of sockets) await target.dispose();
    watch.stop();
  }
}

/** Plays one case on a broker of its own. Resolves with what went wrong. */
export async function replay(fuzzCase: FuzzCase, on: FuzzTarget['name'] = 'links'): Promise<string[]> {
  const watch = new CrashWatch();
  const target = on === 'links' ? await LinkTarget.start() : await SocketTarget.start(on);
  try {
    const problems = await new Player(target).play(fuzzCase);
    return [...problems, ...watch.take()];
  } finally {
    await target.dispose();
    watch.stop();
  }
}

class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #watch: CrashWatch;
  readonly #sockets: readonly { readonly target: SocketTarget; readonly player: Player }[];
  readonly #corpus: Corpus;
  #cases = 0;
  #socketCases = 0;
  #failure: FuzzFailure | undefined;

  constructor(options: FuzzOptions, watch: CrashWatch, sockets: readonly SocketTarget[]) {
    this.#options = options;
    this.#watch = watch;
    this.#sockets = sockets.map((target) => ({ target, player: new Player(target) }));
    this.#corpus = new Corpus(options.seed);
  }

  async run(): Promise<FuzzReport> {
    const endsMs = performance.now() + this.#options.durationMs;
    let heapBytes: number | undefined;
    for (let round = 1; performance.now() < endsMs && !this.#hasFailed; round++) {
      await this.#roundOnLinks(endsMs);
      for (const { target, player } of this.#sockets) await this.#roundOnSockets(target, player);
      if (round < WARM_UP_ROUNDS) continue;
      const nowBytes = heapAfterCollection();
      heapBytes ??= nowBytes;
      if (nowBytes - heapBytes > HEAP_GROWTH_MAX_BYTES) {
        this.#fail({ name: `round ${round}`, connections: [], steps: [] }, [
          `the heap has grown from ${heapBytes} to ${nowBytes} bytes`,
        ]);
      }
    }
    return {
      cases: this.#cases,
      socketCases: this.#socketCases,
      roundTrips: sum(this.#sockets.map(({ target }) => target.witness.roundTrips)),
      refusals: sum(await Promise.all(this.#sockets.map(({ target }) => target.refusals()))),
      failure: this.#failure,
    };
  }

  get #hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  async #roundOnLinks(endsMs: number): Promise<void> {
    const target = await LinkTarget.start();
    const player = new Player(target);
    for (let left = LINK_CASES; left > 0 && !this.#hasFailed; left--) {
      if (performance.now() > endsMs) break;
      await this.#play(player, target);
    }
    await target.dispose();
  }

  async #roundOnSockets(target: SocketTarget, player: Player): Promise<void> {
    const { witness } = target;
    for (let left = SOCKET_CASES; left > 0 && !this.#hasFailed; left--) {
      // While the case is played.
      const trips = witness.complete(ROUND_TRIPS_PER_CASE);
      this.#socketCases++;
      await this.#play(player, target);
      await trips;
    }
    if (witness.failure !== undefined) this.#fail(this.#next(), [`the witness: ${witness.failure}`]);
  }

  async #play(player: Player, target: FuzzTarget): Promise<void> {
    const next = this.#next();
    this.#cases++;
    const problems = [...(await player.play(next)), ...this.#watch.take()];
    if (problems.length === 0) return;
    this.#options.report(`${next.name} on ${target.name}: ${problems.join('; ')}`);
    const alone = await replay(next, target.name);
    if (alone.length === 0) {
      this.#fail(next, [
        ...problems,
        'alone on a new broker it does not fail: it depends on the cases before it',
      ]);
      return;
    }
    const smaller = await minimised(
      next,
      async (candidate) => (await replay(candidate, target.name)).length > 0,
    );
    this.#fail(smaller, await replay(smaller, target.name));
  }

  #fail(failing: FuzzCase, problems: readonly string[]): void {
    this.#failure = { case: failing, problems };
  }

  #next(): FuzzCase {
    return caseOf(this.#options.seed, this.#cases, this.#corpus);
  }
}

/** Number `index` of the seed. */
export function caseOf(seed: number, index: number, corpus: Corpus): FuzzCase {
  const random = new SeededRandom(seed).fork(`case ${index}`);
  const kind = random.integer(0, 9);
  const name = (what: string): string => `${what} ${seed}/${index}`;
  if (kind < 1) return noiseCase(name('noise'), corpus, random);
  if (kind < 4) return damagedCase(name('damaged'), corpus, random);
  if (kind < 6) return oddPacketsCase(name('odd'), corpus, random);
  return stateCase(name('state'), random);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function heapAfterCollection(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
