/** A random history of a fleet's sessions on real logs, with everything that brokers write too late, and the fold of all of it. */
import type { EventLog } from '../../src/event-log/event-log.ts';
import { encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import type { SessionEvent, SessionOwner } from '../../src/session/events.ts';
import { DEFAULT_TENANT, incarnation, type ClientId, type SessionId } from '../../src/tenancy/identity.ts';
import { ReferenceFold, statement, type FoldedState } from './reference-fold.ts';
import { closedSession, sessionState, subscription } from './simulated-session.ts';

const BROKERS = 3;
const FILTERS = 4;
/** Of all owners, those whose closes and ends still come. */
const OWNERS_REMEMBERED = 6;

interface Tenure {
  readonly owner: SessionOwner;
  readonly sessionId: SessionId;
  readonly openedAtMs: number;
}

export class LateHistory {
  readonly #log: EventLog;
  readonly #random: () => number;
  readonly #clients: number;
  readonly #truth = new ReferenceFold();
  readonly #tenures = new Map<ClientId, Tenure[]>();
  /** Keys whose last record came too late to count. */
  readonly #overruled = new Set<string>();
  #connections = 0;
  #sessions = 0;
  records = 0;
  /** Records that came too late to count. */
  late = 0;

  constructor(log: EventLog, clients: number, random: () => number) {
    this.#log = log;
    this.#clients = clients;
    this.#random = random;
  }

  /** The fold of everything that was appended. */
  get state(): FoldedState {
    return this.#truth.state;
  }

  async append(count: number): Promise<void> {
    await this.#append(Array.from({ length: count }, () => this.#event()));
  }

  /** States again what overruled the last record of its key, as brokers do at once: now compaction may come. */
  async restate(): Promise<void> {
    const values = [...this.#overruled].flatMap((key) => this.state.get(key)?.value ?? []);
    if (values.length > 0) await this.#append(values.map(statement));
  }

  async #append(events: readonly SessionEvent[]): Promise<void> {
    const records = events.map((event) => encodeSessionEvent(event, Date.now()));
    const positions = await this.#log.append(records);
    for (const [index, record] of records.entries()) {
      const position = positions[index];
      if (position === undefined) throw new Error('an append without a position');
      if (this.#truth.apply({ ...record, ...position })) {
        this.#overruled.delete(record.key);
      } else {
        this.#overruled.add(record.key);
        this.late++;
      }
    }
    this.records += records.length;
  }

  #event(): SessionEvent {
    const clientId = `bike-${this.#below(this.#clients)}` as ClientId;
    const tenures = this.#tenures.get(clientId) ?? [];
    this.#tenures.set(clientId, tenures);
    const tenure = tenures[this.#below(tenures.length)];
    if (tenure === undefined || this.#random() < 0.3) return this.#opened(clientId, tenures);
    const { owner, sessionId, openedAtMs } = tenure;
    const filter = `fleet/${this.#below(FILTERS)}`;
    const choice = this.#random();
    if (choice < 0.3) {
      const state = closedSession(Date.now(), { clientId, sessionId, openedAtMs, closedOwner: owner });
      return { type: 'SessionClosed', state };
    }
    if (choice < 0.4) {
      const end = { reason: 'expired' as const, lastOwner: owner, lastOpenedAtMs: openedAtMs };
      return { type: 'SessionEnded', tenant: DEFAULT_TENANT, clientId, ...end };
    }
    if (choice < 0.8)
      return { type: 'Subscribed', subscription: subscription(filter, { clientId, sessionId }) };
    return { type: 'Unsubscribed', tenant: DEFAULT_TENANT, clientId, filter, sessionId };
  }

  #opened(clientId: ClientId, tenures: Tenure[]): SessionEvent {
    const owner = {
      incarnation: incarnation(`broker-${this.#below(BROKERS)}`, 1),
      connection: ++this.#connections,
    };
    const before = tenures.at(-1);
    const resumes = before !== undefined && this.#random() < 0.7;
    const sessionId = resumes ? before.sessionId : (++this.#sessions as SessionId);
    const tenure = { owner, sessionId, openedAtMs: 1_000 + this.#connections };
    tenures.push(tenure);
    if (tenures.length > OWNERS_REMEMBERED) tenures.shift();
    return { type: 'SessionOpened', state: sessionState({ clientId, ...tenure }) };
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }
}
