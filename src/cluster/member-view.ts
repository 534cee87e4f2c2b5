/**
 * The members as one of them has heard of them, and the events when that changes. Of itself a member is told nothing: it is in the list for
 * as long as it has its place. For adapters of the membership port, which hear each in its own way.
 */
import type { Incarnation } from '../tenancy/identity.ts';
import type { Member } from './member.ts';
import type { MemberEvent } from './membership.ts';

/** What a broker says of itself when it joins. */
export type NewMember = Omit<Member, 'draining' | 'joinedAtMs'>;

export type MemberListener = (event: MemberEvent) => void;

export class MemberView {
  readonly #self: Incarnation;
  #members: ReadonlyMap<Incarnation, Member>;
  readonly #listeners = new Set<MemberListener>();

  constructor(self: Member) {
    this.#self = self.incarnation;
    this.#members = new Map([[self.incarnation, self]]);
  }

  /** In the order of their names. */
  members(): readonly Member[] {
    return [...this.#members.values()].sort((a, b) => (a.incarnation < b.incarnation ? -1 : 1));
  }

  follow(listener: MemberListener): () => void {
    // A function of its own: the same listener may follow twice.
    const own: MemberListener = (event) => {
      listener(event);
    };
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * These are alive. Whoever asks while the events are told sees the new state. The dead come first: a broker that came back is
   * not there twice.
   */
  become(alive: readonly Member[]): void {
    const before = this.#members;
    const now = new Map(alive.map((member) => [member.incarnation, member]));
    this.#members = now;
    const events: MemberEvent[] = [];
    for (const member of before.values())
      if (!now.has(member.incarnation)) events.push({ type: 'MemberDown', member });
    for (const member of alive) {
      const old = before.get(member.incarnation);
      if (old === undefined) events.push({ type: 'MemberUp', member });
      else if (!isSame(old, member)) events.push({ type: 'MemberChanged', member });
    }
    for (const event of events) this.#tell(event);
  }

  /** It has its place no longer. Nobody is told anything more. */
  end(): void {
    this.#listeners.clear();
    this.#members = new Map([...this.#members].filter(([incarnation]) => incarnation !== this.#self));
  }

  #tell(event: MemberEvent): void {
    if (event.member.incarnation === this.#self) return;
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener(event);
  }
}

/** Both are of one incarnation. */
function isSame(a: Member, b: Member): boolean {
  return (
    a.draining === b.draining &&
    a.serverReference === b.serverReference &&
    a.peerAddress.host === b.peerAddress.host &&
    a.peerAddress.port === b.peerAddress.port &&
    a.protocol.min === b.protocol.min &&
    a.protocol.max === b.protocol.max
  );
}
