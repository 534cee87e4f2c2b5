/**
 * When a fault is over for everybody: every process serves, every broker knows of all the others, every client is connected, everything
 * that was published before the fault was undone is answered, and what was acknowledged has arrived, wills too, and all brokers show the
 * same retained messages.
 */
import { pause } from '../src/fleet/outages.ts';
import { readRetained } from './traffic/retained-view.ts';
import type { BrokerAddress } from '../src/fleet/radio-link.ts';
import type { Judge } from './judge/judge.ts';
import type { Violation } from './judge/violation.ts';
import { STATE_FILTER, type ChaosFleet } from './traffic/chaos-fleet.ts';

export interface RecoveringCluster {
  /** Members that do not serve, and brokers that do not know of all the others; empty: all is well. */
  missing(): Promise<readonly string[]>;
  /** For clients, by the name of the broker. */
  readonly brokerAddresses: ReadonlyMap<string, BrokerAddress>;
}

/** Milliseconds since the fault was undone. */
export interface RecoveryTimes {
  readonly membersMs: number;
  readonly connectedMs: number;
  readonly deliveredMs: number;
  readonly retainedMs: number;
}

/** Not everything came back in time; says what did not. */
export class NotRecovered extends Error {
  override readonly name = 'NotRecovered';
}

const MEMBERS_POLL_MS = 200;
const POLL_MS = 25;
const RETAINED_POLL_MS = 250;

/** How long is waited at most. */
export interface Patience {
  readonly recoveryMs: number;
  /** Then for retained messages to be the same everywhere. */
  readonly retainedMs: number;
}

export class Recovery {
  readonly #fleet: ChaosFleet;
  readonly #judge: Judge;
  readonly #cluster: RecoveringCluster;
  readonly #isSteady: (client: string) => boolean;
  readonly #patience: Patience;

  constructor(
    fleet: ChaosFleet,
    judge: Judge,
    cluster: RecoveringCluster,
    isSteady: (client: string) => boolean,
    patience: Patience,
  ) {
    this.#fleet = fleet;
    this.#judge = judge;
    this.#cluster = cluster;
    this.#isSteady = isSteady;
    this.#patience = patience;
  }

  /** `markMs`: when the fault was undone. @throws NotRecovered */
  async complete(markMs: number): Promise<RecoveryTimes> {
    const since = () => performance.now() - markMs;
    await this.#until(markMs, MEMBERS_POLL_MS, () => this.#cluster.missing());
    const membersMs = since();
    await this.#until(markMs, POLL_MS, () => this.#away());
    const connectedMs = since();
    await this.#until(markMs, POLL_MS, () => this.#owed(markMs));
    const deliveredMs = since();
    await this.#retainedAgree();
    return { membersMs, connectedMs, deliveredMs, retainedMs: since() };
  }

  /** Every client that does not lose its connection by itself has one. @throws NotRecovered */
  async connected(): Promise<void> {
    await this.#until(performance.now(), POLL_MS, () => this.#away());
  }

  /** With nobody speaking any more: flaky clients count too, and nothing at all may be owed. @throws NotRecovered */
  async settle(): Promise<void> {
    const markMs = performance.now();
    for (const client of this.#fleet.clients) client.comeBack();
    await this.#until(markMs, POLL_MS, () => {
      const busy = this.#fleet.clients.filter((client) => !client.idle).map(({ clientId }) => clientId);
      const owed = this.#judge.owedSince(Infinity) + this.#fleet.wills.owedSince(Infinity);
      if (busy.length > 0) return [`unanswered or not connected: ${busy.join(', ')}`];
      return owed > 0 ? [`${owed} messages and wills not delivered`] : [];
    });
    await this.#retainedAgree();
  }

  #away(): readonly string[] {
    return this.#fleet.steadyClients
      .filter((client) => !client.online)
      .map(({ clientId }) => `${clientId} is not connected`);
  }

  #owed(markMs: number): readonly string[] {
    const messages = this.#judge.owedSince(markMs, ({ name }) => this.#isSteady(name));
    const wills = this.#fleet.wills.owedSince(markMs, this.#isSteady);
    const unanswered = this.#judge.unansweredSince(markMs, this.#isSteady);
    if (messages + wills + unanswered === 0) return [];
    return [
      `${unanswered} messages not answered, ${messages} acknowledged ones and ${wills} wills not delivered`,
    ];
  }

  /** A broker that disagrees to the end is reported to the judge: that is a broken promise, not a lack of patience. */
  async #retainedAgree(): Promise<void> {
    const floor = this.#fleet.retained.floor();
    const deadlineMs = performance.now() + this.#patience.retainedMs;
    for (const [name, address] of this.#cluster.brokerAddresses) {
      let stale = await this.#staleAt(name, address, floor);
      while (stale.length > 0 && performance.now() < deadlineMs) {
        await pause(RETAINED_POLL_MS, NEVER);
        stale = await this.#staleAt(name, address, floor);
      }
      for (const violation of stale) this.#judge.report(violation);
    }
  }

  async #staleAt(
    name: string,
    address: BrokerAddress,
    floor: ReadonlyMap<string, number>,
  ): Promise<readonly Violation[]> {
    try {
      const view = await readRetained(address, STATE_FILTER, floor.size);
      return this.#fleet.retained.compare(name, floor, view, performance.now());
    } catch (cause) {
      const detail = `retained messages of ${name} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
      return [
        { kind: 'retainedStale', atMs: performance.now(), topic: STATE_FILTER, receiver: name, detail },
      ];
    }
  }

  async #until(
    markMs: number,
    pollMs: number,
    missing: () => readonly string[] | Promise<readonly string[]>,
  ): Promise<void> {
    for (;;) {
      const still = await missing();
      if (still.length === 0) return;
      if (performance.now() - markMs > this.#patience.recoveryMs)
        throw new NotRecovered(`${waitedText(markMs)} after the fault was undone: ${still.join('; ')}`);
      await pause(pollMs, NEVER);
    }
  }
}

const NEVER = new AbortController().signal;

function waitedText(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
