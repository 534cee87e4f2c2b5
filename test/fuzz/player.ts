/** Plays a case and says what went wrong: what the model forbids, and what the broker was left with. */
import { Conversation } from './conversation.ts';
import type { FuzzCase, FuzzStep } from './fuzz-case.ts';
import type { FuzzTarget, Wire } from './fuzz-target.ts';
import { AUDITED } from './state-cases.ts';

const PINGREQ = Buffer.of(0xc0, 0);
/** How often a login is waited for: a password costs more than any packet. */
const LOGIN_WAITS_MAX = 25;

interface Played {
  readonly wire: Wire;
  readonly conversation: Conversation;
  reads: boolean;
  /** By the client. */
  ended: boolean;
}

export class Player {
  readonly #target: FuzzTarget;
  /** Sessions outlive their connections and cases, and so do their filters. */
  readonly #filters = new Map<string, Set<string>>();

  constructor(target: FuzzTarget) {
    this.#target = target;
  }

  async play({ connections, steps }: FuzzCase): Promise<string[]> {
    const target = this.#target;
    const played = new Map<number, Played>();
    const refusedBefore = await target.refusals();
    for (const step of steps) {
      if (step.do === 'wait') await this.#wait(played.values());
      else if (connections[step.connection] !== undefined) await this.#step(step, played);
    }
    await this.#settle(played.values());
    const unanswered = await this.#unanswered([...played.values()]);
    const uncounted = await this.#uncounted([...played.values()], refusedBefore);
    for (const { wire } of played.values()) if (!wire.isClosed) wire.reset();
    await target.settle();
    const conversations = Array.from(played.values(), ({ conversation }) => conversation);
    return [
      ...conversations.flatMap(({ problems }, index) =>
        problems.map((problem) => `connection ${index}: ${problem}`),
      ),
      ...unanswered,
      ...uncounted,
      ...this.#lost(conversations),
      ...(await target.leftovers()),
    ];
  }

  /** Connections that are open, and on which PINGREQ is not answered once everything is read. */
  async #unanswered(played: readonly Played[]): Promise<string[]> {
    for (const { wire } of played) wire.resume();
    await this.#target.settle();
    const alive = played.filter(({ wire, conversation }) => conversation.isAlive && !wire.isClosed);
    for (const { wire, conversation } of alive) {
      conversation.sent(PINGREQ);
      wire.send(PINGREQ);
    }
    await this.#target.settle();
    return alive
      .filter(({ wire, conversation }) => !wire.isClosed && conversation.isAlive && !conversation.isAnswered)
      .map(
        ({ wire }) =>
          `connection ${played.findIndex((each) => each.wire === wire)} is open and answers nothing`,
      );
  }

  /** Whom the broker ended without counting it anywhere. */
  async #uncounted(played: readonly Played[], before: number | undefined): Promise<string[]> {
    const after = await this.#target.refusals();
    if (before === undefined || after === undefined) return [];
    const refused = played.filter(
      ({ wire, ended, conversation }) => wire.isClosed && !ended && !conversation.saidGoodbye,
    ).length;
    return refused <= after - before ? [] : [`${refused} connections ended, ${after - before} counted`];
  }

  async #step(step: Exclude<FuzzStep, { do: 'wait' }>, played: Map<number, Played>): Promise<void> {
    const each = played.get(step.connection) ?? (await this.#open(step.connection, played));
    const { wire, conversation } = each;
    if (step.do === 'send') {
      const bytes = Buffer.from(step.hex, 'hex');
      conversation.sent(bytes);
      wire.send(bytes);
    } else {
      if (step.do === 'pause') each.reads = false;
      if (step.do === 'resume') each.reads = true;
      if (step.do === 'end' || step.do === 'reset') each.ended = true;
      wire[step.do]();
    }
  }

  async #wait(played: Iterable<Played>): Promise<void> {
    const all = [...played];
    await this.#settle(all);
    for (const { conversation, reads } of all) if (reads) conversation.quiet();
  }

  async #settle(played: Iterable<Played>): Promise<void> {
    const all = [...played];
    await this.#target.settle();
    const isLoggingIn = ({ wire, conversation, reads, ended }: Played): boolean =>
      conversation.isConnecting && reads && !ended && !wire.isClosed;
    for (let left = LOGIN_WAITS_MAX; left > 0 && all.some(isLoggingIn); left--) await this.#target.settle();
  }

  async #open(connection: number, played: Map<number, Played>): Promise<Played> {
    const conversation = new Conversation((clientId) => this.#filtersOf(clientId), this.#target.forbidden);
    const wire = await this.#target.open((bytes) => {
      conversation.received(bytes);
    });
    const each = { wire, conversation, reads: true, ended: false };
    played.set(connection, each);
    return each;
  }

  #filtersOf(clientId: string): Set<string> {
    const known = this.#filters.get(clientId);
    if (known !== undefined) return known;
    const filters = new Set<string>();
    this.#filters.set(clientId, filters);
    return filters;
  }

  /** Acknowledged, and never delivered to who subscribes to all of it. */
  #lost(conversations: readonly Conversation[]): string[] {
    const { audited } = this.#target;
    return conversations
      .flatMap(({ acknowledged }) => acknowledged)
      .filter(({ topic, payload }) => topic.startsWith(AUDITED) && payload !== '' && !audited.has(payload))
      .map(({ topic, payload }) => `${payload} was acknowledged and did not come on ${topic}`);
  }
}
