import { describe, expect, it } from 'vitest';
import { Judge } from '../../../chaos/judge/judge.ts';
import { Receiver } from '../../../chaos/judge/receiver.ts';
import type { Stream } from '../../../chaos/judge/stream.ts';
import { brokenPromises } from '../../../chaos/report/verdict.ts';
import type { QoS } from '../../../src/mqtt/qos.ts';

/** One publisher, one topic, one receiver; time passes by one with everything that happens. */
class Scene {
  readonly judge = new Judge();
  readonly receiver: Receiver;
  readonly stream: Stream;
  #nowMs = 0;

  constructor(qos: QoS, kind: Receiver['kind'] = 'session', grantedQos: QoS = 2) {
    this.receiver = new Receiver('depot', kind, grantedQos);
    this.stream = this.judge.open('bike', 'fleet/bike/telemetry', qos, [this.receiver]);
  }

  get nowMs(): number {
    return ++this.#nowMs;
  }

  publish(): number {
    return this.judge.publish(this.stream, this.nowMs);
  }

  acknowledge(...seqs: number[]): void {
    for (const seq of seqs) this.judge.acknowledged(this.stream, seq, this.nowMs);
  }

  /** Published and acknowledged. */
  send(messages: number): void {
    for (let count = 0; count < messages; count++) this.acknowledge(this.publish());
  }

  deliver(...seqs: number[]): void {
    for (const seq of seqs) this.deliverAs('depot', seq);
  }

  deliverAs(client: string, seq: number, qos: QoS = this.stream.qos): boolean {
    const { stream, receiver, nowMs } = this;
    return this.judge.arrived({ stream, receiver, seq, client, qos, isRepeat: false, from: 'a', nowMs });
  }

  subscribe(): void {
    this.judge.subscribed(this.receiver, this.nowMs);
  }

  leave(): void {
    this.judge.left(this.receiver);
  }

  get found(): readonly string[] {
    return [...this.judge.seen, ...this.judge.lost(this.nowMs)].map(({ kind, seq }) => `${kind} ${seq}`);
  }
}

describe('the judge', () => {
  it('finds nothing wrong with everything delivered once and in order', () => {
    const scene = new Scene(2);
    scene.send(3);
    scene.deliver(1, 2, 3);
    expect(scene.found).toEqual([]);
    expect(scene.judge.totals(2)).toMatchObject({ published: 3, acknowledged: 3, delivered: 3, owed: 0 });
  });

  it.each([1, 2] as const)('finds an acknowledged message that never comes, QoS %i', (qos) => {
    const scene = new Scene(qos);
    scene.send(3);
    scene.deliver(1, 3);
    expect(scene.found).toEqual(['lost 2']);
  });

  it('does not ask for a message that was not acknowledged, or refused', () => {
    const scene = new Scene(1);
    scene.publish();
    scene.judge.refused(scene.stream, scene.publish(), scene.nowMs);
    expect(scene.found).toEqual([]);
    expect(scene.judge.totals(1)).toMatchObject({ refused: 1, unanswered: 1 });
  });

  it('counts a delivery before its acknowledgement', () => {
    const scene = new Scene(1);
    const seq = scene.publish();
    scene.deliver(seq);
    scene.acknowledge(seq);
    expect(scene.found).toEqual([]);
  });

  it('finds a QoS 2 message that comes twice, each time', () => {
    const scene = new Scene(2);
    scene.send(2);
    scene.deliver(1, 2, 2, 1);
    expect(scene.found).toEqual(['duplicated 2', 'duplicated 1']);
  });

  it('lets QoS 1 come twice, and QoS 2 that a subscription has lowered to 1', () => {
    const published = new Scene(1);
    published.send(1);
    published.deliver(1, 1);
    const lowered = new Scene(2, 'session', 1);
    lowered.send(1);
    for (let times = 0; times < 2; times++) lowered.deliverAs('depot', 1, 1);
    expect([...published.found, ...lowered.found]).toEqual([]);
    expect(published.judge.totals(1).repeated).toBe(1);
  });

  it.each([1, 2] as const)('finds a first delivery after that of a later message, QoS %i', (qos) => {
    const scene = new Scene(qos);
    scene.send(4);
    scene.deliver(1, 3, 2, 4);
    expect(scene.found).toEqual(['reordered 2']);
  });

  it('does not take a repeated delivery for a wrong order', () => {
    const scene = new Scene(1);
    scene.send(3);
    scene.deliver(1, 2, 1, 2, 3);
    expect(scene.found).toEqual([]);
  });

  it('finds what nobody published, and what came with another QoS', () => {
    const scene = new Scene(2);
    scene.send(1);
    scene.deliver(5);
    scene.deliverAs('depot', 1, 1);
    expect(scene.found).toEqual(['phantom 5', 'wrongQos 1']);
  });

  it('owes a shared group each message once, by whichever member, in no order', () => {
    const scene = new Scene(2, 'group');
    scene.send(3);
    scene.deliverAs('worker-2', 3);
    scene.deliverAs('worker-1', 1);
    expect(scene.found).toEqual(['lost 2']);
    scene.deliverAs('worker-2', 1);
    expect(scene.found).toEqual(['duplicated 1', 'lost 2']);
  });

  it('refuses two publishers that would share numbers', () => {
    const { judge } = new Scene(1);
    expect(() => judge.open('other', 'fleet/bike/telemetry', 1, [])).toThrow(RangeError);
  });
});

describe('a transient session', () => {
  it('is owed what was published after SUBACK', () => {
    const scene = new Scene(1, 'transient', 1);
    const early = scene.publish();
    scene.subscribe();
    scene.acknowledge(early);
    scene.send(1);
    expect(scene.found).toEqual(['lost 2']);
  });

  it('is owed nothing more when its connection is lost, and begins anew', () => {
    const scene = new Scene(1, 'transient', 1);
    scene.subscribe();
    scene.send(2);
    scene.leave();
    scene.send(1);
    expect(scene.found).toEqual([]);
    scene.subscribe();
    scene.send(2);
    scene.deliver(4);
    expect(scene.found).toEqual(['lost 5']);
    expect(scene.judge.totals(1).forgiven).toBe(2);
  });

  it('is promised an order from its SUBACK on', () => {
    const scene = new Scene(1, 'transient', 1);
    scene.subscribe();
    scene.leave();
    // The first two reach the brokers before the subscription does, and only the second one is sent on; then both come again.
    scene.publish();
    scene.publish();
    scene.subscribe();
    scene.send(2);
    scene.deliver(2, 1, 2, 4);
    expect(scene.found).toEqual(['lost 3']);
    scene.deliver(3);
    expect(scene.found).toEqual(['reordered 3']);
  });

  it('is not what a lost connection means to a persistent one', () => {
    const scene = new Scene(1);
    scene.send(1);
    scene.leave();
    expect(scene.found).toEqual(['lost 1']);
  });
});

describe('what is still open', () => {
  it('is told by the time of the acknowledgement and of the publish', () => {
    const scene = new Scene(1);
    scene.send(1);
    const markMs = scene.nowMs;
    const waiting = scene.publish();
    expect(scene.judge.owedSince(markMs)).toBe(1);
    expect(scene.judge.owedSince(markMs, ({ name }) => name !== 'depot')).toBe(0);
    expect(scene.judge.unansweredSince(markMs, () => true)).toBe(0);
    expect(scene.judge.unansweredSince(scene.nowMs, () => true)).toBe(1);
    expect(scene.judge.unansweredSince(scene.nowMs, () => false)).toBe(0);
    scene.acknowledge(waiting);
    scene.deliver(1);
    expect(scene.judge.owedSince(markMs)).toBe(0);
    expect(scene.judge.owedSince(Infinity)).toBe(1);
    expect(scene.judge.unanswered).toBe(0);
  });

  it('comes with the history of the message', () => {
    const scene = new Scene(1);
    scene.send(1);
    scene.deliver(1);
    const types = scene.judge.history.of('fleet/bike/telemetry', 1, 1).map(({ type }) => type);
    expect(types).toEqual(['published', 'acknowledged', 'delivered']);
  });
});

describe('the verdict', () => {
  it('is as broken as its worst promise', () => {
    const scene = new Scene(2);
    scene.send(3);
    scene.deliver(2, 1, 2);
    const violations = [...scene.judge.seen, ...scene.judge.lost(scene.nowMs)];
    expect(brokenPromises({ violations, failures: ['broker-1 ended by itself'] })).toEqual([
      '1 delivered out of order',
      '1 delivered twice at QoS 2',
      '1 acknowledged and lost',
      'broker-1 ended by itself',
    ]);
    expect(brokenPromises({ violations: [], failures: [] })).toEqual([]);
  });
});
