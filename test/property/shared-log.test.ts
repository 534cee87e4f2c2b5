/**
 * A client that wanders between two brokers on one log, whose appends take their time, and whose closes and expiries come late:
 * whoever was told that its session is present has every subscription that was acknowledged, and every fold agrees.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventLog } from '../../src/event-log/event-log.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import type { SessionOwner } from '../../src/session/events.ts';
import { PeerBroker, SharedStores } from '../support/peer-broker.ts';
import { CLIENT } from '../support/simulated-session.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const APPEND_MAX_MS = 400;
const EXPIRY_S = 2;

type Step =
  | { readonly do: 'connect'; readonly at: 0 | 1; readonly clean: boolean }
  | { readonly do: 'subscribe'; readonly filter: string }
  | { readonly do: 'leave'; readonly noticedMs: number }
  | { readonly do: 'end'; readonly at: 0 | 1 }
  | { readonly do: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('connect' as const),
      at: fc.constantFrom(0 as const, 1 as const),
      clean: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), filter: fc.constantFrom('a', 'b', 'c') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('leave' as const), noticedMs: fc.nat({ max: 1_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      at: fc.constantFrom(0 as const, 1 as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      // Around the expiry and around the grace that a broker gives another one.
      ms: fc.oneof(
        fc.nat({ max: 300 }),
        fc.integer({ min: EXPIRY_S * 1_000 - 500, max: EXPIRY_S * 1_000 + 1_500 }),
        fc.integer({ min: 6_000, max: 9_000 }),
      ),
    }),
  },
);

class Wanderer {
  readonly time = new SimulatedTime();
  readonly stores = new SharedStores(this.time);
  readonly whole = new MemoryEventLog();
  readonly peers: readonly PeerBroker[];
  /** What the client was told that it has. */
  #acknowledged = new Set<string>();
  /** When the ends of its connections are on record. */
  #closedByMs = 0;
  #connection: { readonly peer: PeerBroker; readonly owner: SessionOwner } | undefined;

  constructor(delays: () => number) {
    const hold = () => this.time.sleep(delays());
    this.peers = ['one', 'two'].map((id) => new PeerBroker(this.stores, id, 1, hold));
  }

  async start(): Promise<void> {
    await this.stores.log.follow([], (entries) => void this.whole.append(entries));
    for (const peer of this.peers) await peer.start();
  }

  async run(each: Step): Promise<void> {
    switch (each.do) {
      case 'connect':
        await this.#connect(each.at, each.clean);
        return;
      case 'subscribe':
        await this.#subscribe(each.filter);
        return;
      case 'leave':
        this.#leave(each.noticedMs);
        return;
      case 'end':
        // Somebody removes the session, and nobody waits for it. One that is just being closed would be back for a moment.
        if (this.#connection !== undefined || this.time.nowMs() < this.#closedByMs) return;
        void this.peers[each.at]?.broker.lifecycle.end(CLIENT, 'administrative');
        return;
      case 'wait':
        await this.time.advance(each.ms);
        return;
    }
  }

  async #connect(at: 0 | 1, cleanStart: boolean): Promise<void> {
    const peer = this.peers[at];
    if (peer === undefined) return;
    this.#leave(0);
    const owner = peer.nextOwner();
    const opened = await this.#done(peer.connect({ owner, cleanStart, sessionExpiryS: EXPIRY_S }));
    if (opened === undefined) return;
    this.#connection = { peer, owner };
    if (!opened.sessionPresent) this.#acknowledged = new Set();
    this.#expectKept(peer, owner);
  }

  async #subscribe(filter: string): Promise<void> {
    if (this.#connection === undefined) return;
    const { peer, owner } = this.#connection;
    // Otherwise its connection would be gone.
    if (!peer.broker.isOwnedBy(CLIENT, owner)) return;
    await this.#done(peer.subscribe(filter));
    if (!peer.broker.isOwnedBy(CLIENT, owner)) return;
    this.#acknowledged.add(filter);
    this.#expectKept(peer, owner);
  }

  /** The client is gone; its broker notices later, and says so on the log when it can. */
  #leave(noticedMs: number): void {
    if (this.#connection === undefined) return;
    const { peer, owner } = this.#connection;
    this.#connection = undefined;
    this.#closedByMs = Math.max(this.#closedByMs, this.time.nowMs() + noticedMs + 3 * APPEND_MAX_MS);
    this.time.after(noticedMs, () => void peer.close(owner));
  }

  #expectKept(peer: PeerBroker, owner: SessionOwner): void {
    if (!peer.broker.isOwnedBy(CLIENT, owner)) return;
    expect(peer.filters()).toEqual([...this.#acknowledged].sort());
  }

  /** Lets the time pass that it takes; undefined: it was refused. */
  async #done<T>(command: Promise<T>): Promise<T | undefined> {
    const state = { ended: false };
    const outcome = command.catch(() => undefined).finally(() => (state.ended = true));
    while (!state.ended) await this.time.advance(10);
    return await outcome;
  }
}

async function fold(log: EventLog, time: SimulatedTime): Promise<unknown> {
  const stores = new SharedStores(time);
  for (const entry of await log.read(0, 0 as never, Number.MAX_SAFE_INTEGER))
    await stores.log.append([entry]);
  const peer = new PeerBroker(stores, 'fold');
  await peer.start();
  return stateOf(peer);
}

/** Without offsets: the log was copied. */
function stateOf(peer: PeerBroker): unknown {
  const { owner, closedOwner, closedAtMs, sessionId } = peer.session() ?? {};
  return { sessionId, owner, closedOwner, closedAtMs, filters: peer.filters() };
}

test('whoever resumes a session finds what it was promised, and every fold agrees', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30, size: 'max' }),
      fc.infiniteStream(fc.nat({ max: APPEND_MAX_MS })),
      async (steps, delays) => {
        const client = new Wanderer(() => Number(delays.next().value));
        await client.start();
        for (const each of steps) await client.run(each);
        await client.time.advance(3 * APPEND_MAX_MS + 1_000);
        const [one, two] = client.peers.map(stateOf);
        expect(two).toEqual(one);
        expect(await fold(client.whole, client.time)).toEqual(one);
        client.stores.log.compact();
        expect(await fold(client.stores.log, client.time)).toEqual(one);
      },
    ),
    { numRuns: 100 },
  );
});
