/**
 * What links between brokers promise, whatever they run over. An adapter's test calls `peerLinksContract` with a harness of its own.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Member } from '../../src/cluster/member.ts';
import type { PeerFrame } from '../../src/cluster/peer-frame.ts';
import type { FrameHandler, FrameOutcome, PeerLink, PeerLinks } from '../../src/cluster/peer-links.ts';
import { PROTOCOL, type ProtocolRange } from '../../src/cluster/wire/protocol-version.ts';
import { incarnation, type Incarnation } from '../../src/tenancy/identity.ts';
import { creditFrame, messageFrame } from '../support/peer-members.ts';

export interface JoinOptions {
  readonly cluster?: string;
  readonly protocol?: ProtocolRange;
}

/** A network for the brokers of one test. */
export interface PeerLinksHarness {
  /** Starts a broker that neither takes frames nor connects yet. Of the same port as the broker that ran there before. */
  join(self: Incarnation, options?: JoinOptions): Promise<PeerLinks>;
  /** As others see that broker. */
  member(of: Incarnation): Member;
  /** Breaks every connection between the two, and may break others of theirs; resolves when that has been done. */
  cut(one: Incarnation, other: Incarnation): Promise<void>;
  /** From now on nothing passes between the two, or to anybody who dials them; until `heal`. */
  part(one: Incarnation, other: Incarnation): void;
  heal(one: Incarnation, other: Incarnation): void;
  /** Ends a broker as a crash does. */
  kill(broker: Incarnation): Promise<void>;
  dispose(): Promise<void>;
}

const A = incarnation('a', 1);
const B = incarnation('b', 1);
const C = incarnation('c', 1);

/** What a broker got, and who waits for more of it. */
class Received implements FrameHandler {
  readonly frames: PeerFrame[] = [];
  readonly senders: Incarnation[] = [];
  /** What to answer; default: handled at once. */
  answer: (frame: PeerFrame) => Promise<Buffer | undefined> | undefined = () => undefined;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  onFrame(from: Incarnation, frame: PeerFrame): Promise<Buffer | undefined> | undefined {
    this.frames.push(frame);
    this.senders.push(from);
    for (const { resolve } of this.#waiting.filter(({ count }) => count <= this.frames.length)) resolve();
    return this.answer(frame);
  }

  async reaches(count: number): Promise<void> {
    if (this.frames.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }
}

/** A link whose state can be awaited. */
class Watched {
  readonly states: boolean[] = [];
  readonly link: PeerLink;
  #waiting: { readonly isUp: boolean; readonly resolve: () => void }[] = [];

  constructor(links: PeerLinks, peer: Member) {
    this.link = links.connect(peer, {
      onState: ({ isUp }) => {
        this.states.push(isUp);
        for (const each of this.#waiting.filter((waiting) => waiting.isUp === isUp)) each.resolve();
      },
    });
  }

  /** Now, or the next time. */
  async is(isUp: boolean): Promise<void> {
    if (this.link.isUp !== isUp) await this.becomes(isUp);
  }

  async becomes(isUp: boolean): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push({ isUp, resolve }));
  }

  send(frame: PeerFrame): Promise<FrameOutcome> {
    return new Promise((resolve) => {
      this.link.send(frame, resolve);
    });
  }
}

const NO_REPLY = Buffer.alloc(0);
const HANDLED: FrameOutcome = { type: 'handled', reply: NO_REPLY };

export function peerLinksContract(name: string, makeHarness: () => Promise<PeerLinksHarness>): void {
  describe(`peer links contract: ${name}`, () => {
    let harness: PeerLinksHarness;
    let a: PeerLinks;
    let b: PeerLinks;

    beforeEach(async () => {
      harness = await makeHarness();
      a = await harness.join(A);
      b = await harness.join(B);
    });

    afterEach(async () => {
      await harness.dispose();
    });

    /** From a to b, which takes frames. */
    function connected(): { received: Received; link: Watched } {
      const received = new Received();
      b.receive(received);
      return { received, link: new Watched(a, harness.member(B)) };
    }

    test('frames arrive as they were sent, in order, and are said to be handled', async () => {
      const { received, link } = connected();
      const frames = [1, 2, 3, 4, 5].flatMap((n) => [creditFrame(n), messageFrame(Buffer.from(`m${n}`))]);
      const outcomes = await Promise.all(frames.map((frame) => link.send(frame)));
      expect(received.frames).toEqual(frames);
      expect(new Set(received.senders)).toEqual(new Set([A]));
      expect(outcomes).toEqual(frames.map(() => HANDLED));
      expect(link.link.unhandledBytes).toBe(0);
    });

    test('frames sent before a connection stands wait for it', async () => {
      const link = new Watched(a, harness.member(B));
      const outcome = link.send(creditFrame(1));
      expect(link.link.isUp).toBe(false);
      expect(link.link.unhandledBytes).toBeGreaterThan(0);
      const received = new Received();
      b.receive(received);
      expect(await outcome).toEqual(HANDLED);
      expect(received.frames).toEqual([creditFrame(1)]);
      expect(link.states).toEqual([true]);
    });

    test('the callback never comes within send, not even of a closed link', async () => {
      const { link } = connected();
      link.link.close();
      let isWithin = true;
      const outcome = new Promise((resolve) => {
        link.link.send(creditFrame(1), (what) => {
          resolve([what, isWithin]);
        });
      });
      isWithin = false;
      expect(await outcome).toEqual([{ type: 'gone' }, false]);
    });

    test('a reply comes back with the frame it belongs to, in the order of the answers', async () => {
      const { received, link } = connected();
      const answers: ((reply: Buffer | undefined) => void)[] = [];
      received.answer = () => new Promise((resolve) => answers.push(resolve));
      const order: number[] = [];
      const outcomes = [0, 1, 2].map(async (n) => {
        const outcome = await link.send(creditFrame(n));
        order.push(n);
        return outcome;
      });
      await received.reaches(3);
      answers[2]?.(Buffer.from('two'));
      await outcomes[2];
      answers[0]?.(undefined);
      await outcomes[0];
      answers[1]?.(Buffer.from('one'));
      expect(await Promise.all(outcomes)).toEqual([
        HANDLED,
        { type: 'handled', reply: Buffer.from('one') },
        { type: 'handled', reply: Buffer.from('two') },
      ]);
      expect(order).toEqual([2, 0, 1]);
    });

    test('a frame whose answer takes long does not hold up those behind it', async () => {
      const { received, link } = connected();
      let answer: (() => void) | undefined;
      received.answer = (frame) =>
        frame.type === 'credit' ? new Promise((resolve) => (answer = () => resolve(undefined))) : undefined;
      const slow = link.send(creditFrame(1));
      const fast = await Promise.all([1, 2, 3].map((n) => link.send(messageFrame(Buffer.from([n])))));
      expect(fast).toEqual([HANDLED, HANDLED, HANDLED]);
      expect(link.link.unhandledBytes).toBeGreaterThan(0);
      answer?.();
      expect(await slow).toEqual(HANDLED);
    });

    test('every frame is handled once and in order, however often the connection is cut', async () => {
      const { received, link } = connected();
      const frames = Array.from({ length: 400 }, (_, n) => creditFrame(n));
      const outcomes: Promise<FrameOutcome>[] = [];
      received.answer = (frame) =>
        frame.type === 'credit' && frame.clientId.endsWith('3') ? answersLater() : undefined;
      for (const [index, frame] of frames.entries()) {
        outcomes.push(link.send(frame));
        if (index % 100 !== 50) continue;
        await link.is(true);
        await received.reaches(index - 40);
        await harness.cut(A, B);
        await link.is(false);
      }
      const settled = await Promise.all(outcomes);
      expect(received.frames).toEqual(frames);
      expect(settled.every(({ type }) => type === 'handled')).toBe(true);
      expect(link.states.filter((isUp) => !isUp)).toHaveLength(4);
    });

    test('a frame under way when the connection is cut is not handed over again, and its answer arrives', async () => {
      const { received, link } = connected();
      let answer: ((reply: Buffer) => void) | undefined;
      received.answer = () => new Promise((resolve) => (answer = resolve));
      const outcome = link.send(creditFrame(1));
      await received.reaches(1);
      await harness.cut(A, B);
      await link.is(false);
      await link.is(true);
      answer?.(Buffer.from('late'));
      expect(await outcome).toEqual({ type: 'handled', reply: Buffer.from('late') });
      expect(received.frames).toHaveLength(1);
    });

    test('an answer given while there is no connection is not lost', async () => {
      const { received, link } = connected();
      const answers: (() => void)[] = [];
      received.answer = () => new Promise((resolve) => answers.push(() => resolve(Buffer.from('reply'))));
      const outcomes = [link.send(creditFrame(1)), link.send(creditFrame(2))];
      await received.reaches(2);
      await harness.cut(A, B);
      await link.is(false);
      answers[1]?.();
      await link.is(true);
      expect(await outcomes[1]).toMatchObject({ type: 'handled' });
      answers[0]?.();
      expect(await outcomes[0]).toMatchObject({ type: 'handled' });
      expect(received.frames).toHaveLength(2);
    });

    test.each(['rejects', 'throws'])(
      'a frame whose handler %s is handed over again, and only that one',
      async (how) => {
        const { received, link } = connected();
        let failures = 2;
        received.answer = (frame) => {
          if (frame.type !== 'credit' || failures-- <= 0) return undefined;
          if (how === 'throws') throw new Error('not now');
          return Promise.reject(new Error('not now'));
        };
        const frames = [messageFrame(Buffer.from('1')), creditFrame(2), messageFrame(Buffer.from('3'))];
        expect(await Promise.all(frames.map((frame) => link.send(frame)))).toEqual([
          HANDLED,
          HANDLED,
          HANDLED,
        ]);
        expect(received.frames.filter(({ type }) => type === 'credit')).toHaveLength(3);
        expect(received.frames.filter(({ type }) => type === 'message')).toEqual([frames[0], frames[2]]);
      },
    );

    test('while nothing passes, frames wait; when it does again they arrive once', async () => {
      const { received, link } = connected();
      await link.send(creditFrame(1));
      harness.part(A, B);
      const outcome = link.send(creditFrame(2));
      await link.is(false);
      expect(received.frames).toHaveLength(1);
      harness.heal(A, B);
      expect(await outcome).toEqual(HANDLED);
      expect(received.frames).toEqual([creditFrame(1), creditFrame(2)]);
    });

    test('a peer that is away holds up nobody else', async () => {
      const { received, link } = connected();
      await link.is(true);
      const other = new Received();
      const c = await harness.join(C);
      c.receive(other);
      const toC = new Watched(a, harness.member(C));
      harness.part(A, B);
      const waiting = link.send(creditFrame(0));
      await Promise.all([1, 2, 3].map((n) => toC.send(creditFrame(n))));
      expect(other.frames).toHaveLength(3);
      expect(received.frames).toHaveLength(0);
      harness.heal(A, B);
      expect(await waiting).toEqual(HANDLED);
    });

    test('both directions have numbers of their own', async () => {
      const { received, link } = connected();
      const back = new Received();
      a.receive(back);
      const linkBack = new Watched(b, harness.member(A));
      await Promise.all([
        link.send(creditFrame(1)),
        linkBack.send(creditFrame(2)),
        link.send(creditFrame(3)),
      ]);
      expect(received.frames).toEqual([creditFrame(1), creditFrame(3)]);
      expect(back.frames).toEqual([creditFrame(2)]);
      expect(back.senders).toEqual([B]);
    });

    test('closing a link makes everything unhandled gone', async () => {
      const { received, link } = connected();
      received.answer = () => new Promise(() => undefined);
      const outcome = link.send(creditFrame(1));
      await received.reaches(1);
      link.link.close();
      expect(await outcome).toEqual({ type: 'gone' });
      expect(link.link.unhandledBytes).toBe(0);
      expect(link.link.isUp).toBe(false);
    });

    test('a peer that died goes down and its frames wait until the link is closed', async () => {
      const { link } = connected();
      await link.is(true);
      await harness.kill(B);
      await link.is(false);
      const outcome = link.send(creditFrame(1));
      link.link.close();
      expect(await outcome).toEqual({ type: 'gone' });
    });

    test('the next run of a broker gets nothing that was meant for the one before', async () => {
      const { link } = connected();
      await link.is(true);
      await harness.kill(B);
      const outcome = link.send(creditFrame(1));
      const next = incarnation('b', 2);
      const reborn = await harness.join(next);
      const received = new Received();
      reborn.receive(received);
      const linkToNext = new Watched(a, harness.member(next));
      expect(await linkToNext.send(creditFrame(2))).toEqual(HANDLED);
      expect(received.frames).toEqual([creditFrame(2)]);
      expect(link.link.isUp).toBe(false);
      link.link.close();
      expect(await outcome).toEqual({ type: 'gone' });
    });

    test('a broker that was forgotten is not let in again', async () => {
      const { received, link } = connected();
      await link.send(creditFrame(1));
      b.forget(A);
      await link.is(false);
      const outcome = link.send(creditFrame(2));
      const c = await harness.join(C);
      const toB = new Watched(c, harness.member(B));
      expect(await toB.send(creditFrame(3))).toEqual(HANDLED);
      link.link.close();
      expect(await outcome).toEqual({ type: 'gone' });
      expect(received.frames).toEqual([creditFrame(1), creditFrame(3)]);
    });

    test('a frame that was under way when its sender was forgotten is confirmed to nobody', async () => {
      const { received, link } = connected();
      let answer: (() => void) | undefined;
      received.answer = () => new Promise((resolve) => (answer = () => resolve(undefined)));
      const outcome = link.send(creditFrame(1));
      await received.reaches(1);
      b.forget(A);
      answer?.();
      await link.is(false);
      link.link.close();
      expect(await outcome).toEqual({ type: 'gone' });
    });

    test('brokers of different clusters do not talk', async () => {
      const { received } = connected();
      const stranger = await harness.join(C, { cluster: 'elsewhere' });
      const link = new Watched(stranger, harness.member(B));
      const outcome = link.send(creditFrame(1));
      const fromA = new Watched(await harness.join(incarnation('d', 1)), harness.member(B));
      expect(await fromA.send(creditFrame(2))).toEqual(HANDLED);
      link.link.close();
      expect(await outcome).toEqual({ type: 'gone' });
      expect(received.frames).toEqual([creditFrame(2)]);
    });

    test.each([
      ['newer', { min: PROTOCOL.max, max: PROTOCOL.max + 1 }],
      ['of today', PROTOCOL],
      ['older', { min: PROTOCOL.min, max: PROTOCOL.min }],
    ])('a peer that is %s is understood, both ways', async (_, protocol) => {
      const { received } = connected();
      const c = await harness.join(C, { protocol });
      const back = new Received();
      c.receive(back);
      expect(await new Watched(c, harness.member(B)).send(creditFrame(1))).toEqual(HANDLED);
      expect(await new Watched(b, harness.member(C)).send(creditFrame(2))).toEqual(HANDLED);
      expect([received.frames, back.frames]).toEqual([[creditFrame(1)], [creditFrame(2)]]);
    });

    test('a peer without a common version is refused, both ways', async () => {
      const { received, link: fromA } = connected();
      const c = await harness.join(C, { protocol: { min: PROTOCOL.max + 1, max: PROTOCOL.max + 2 } });
      const back = new Received();
      c.receive(back);
      const links = [new Watched(c, harness.member(B)), new Watched(b, harness.member(C))];
      const outcomes = links.map((link) => link.send(creditFrame(1)));
      expect(await fromA.send(creditFrame(2))).toEqual(HANDLED);
      for (const { link } of links) link.close();
      expect(await Promise.all(outcomes)).toEqual([{ type: 'gone' }, { type: 'gone' }]);
      expect([received.frames, back.frames]).toEqual([[creditFrame(2)], []]);
    });

    test('a large frame arrives whole, and one that is too large is refused where it is sent', async () => {
      const { received, link } = connected();
      const large = messageFrame(Buffer.alloc(700_000, 'x'));
      expect(
        await Promise.all([link.send(creditFrame(1)), link.send(large), link.send(creditFrame(2))]),
      ).toEqual([HANDLED, HANDLED, HANDLED]);
      const [before, arrived, behind] = received.frames;
      expect([before, behind]).toEqual([creditFrame(1), creditFrame(2)]);
      // Compared by the engine: a test runner takes seconds for that many bytes.
      expect(arrived?.type === 'message' && arrived.message.payload.equals(large.message.payload)).toBe(true);
      expect(() => {
        link.link.send(messageFrame(Buffer.alloc(2_000_000)));
      }).toThrow(RangeError);
      expect(await link.send(creditFrame(3))).toEqual(HANDLED);
    });

    test('there is one link per incarnation, ever', () => {
      const { link } = connected();
      expect(() => new Watched(a, harness.member(B))).toThrow('there is, or was, a link');
      link.link.close();
      expect(() => new Watched(a, harness.member(B))).toThrow('there is, or was, a link');
    });

    test('an ending broker makes its links gone and is not reached any more', async () => {
      const { received, link } = connected();
      received.answer = () => new Promise(() => undefined);
      const outcome = link.send(creditFrame(1));
      await received.reaches(1);
      await a.close();
      expect(await outcome).toEqual({ type: 'gone' });
      const back = new Watched(b, harness.member(A));
      const unsent = back.send(creditFrame(2));
      await b.close();
      expect(await unsent).toEqual({ type: 'gone' });
    });
  });
}

async function answersLater(): Promise<undefined> {
  await new Promise((resolve) => setImmediate(resolve));
  return undefined;
}
