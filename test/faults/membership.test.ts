/** Members in an ensemble of ZooKeepers whose servers die or hang: one of them costs nobody anything, most of them cost everybody their place. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { ServerProcess } from '../../engines/server-process.ts';
import { openMembership } from '../../src/adapters/zookeeper/zookeeper-membership.ts';
import type { Membership } from '../../src/cluster/membership.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { newRun } from '../support/members.ts';
import { ZooKeeperEnsemble } from './support/zookeeper-ensemble.ts';

const SESSION_TIMEOUT_MS = 5_000;
/** Of those that are to lose their places. */
const SHORT_SESSION_MS = 3_000;
const WAIT = { timeout: 30_000, interval: 50 };

let ensemble: ZooKeeperEnsemble;
let memberships: Membership[];

beforeAll(async () => {
  ensemble = await ZooKeeperEnsemble.start(3);
  await allServe();
});

beforeEach(() => {
  memberships = [];
});

afterEach(async () => {
  for (const membership of memberships) await membership.leave();
});

afterAll(async () => {
  await ensemble.stop();
});

async function allServe(): Promise<void> {
  await vi.waitFor(async () => {
    expect((await ensemble.modes()).toSorted()).toEqual(['follower', 'follower', 'leader']);
  }, WAIT);
}

interface Joining {
  /** Those it knows; it tries them in this order. */
  readonly servers?: readonly ServerProcess[];
  readonly sessionTimeoutMs?: number;
}

async function join(
  brokerId: string,
  startNumber: number,
  { servers = ensemble.servers, sessionTimeoutMs = SESSION_TIMEOUT_MS }: Joining = {},
): Promise<Membership> {
  const membership = await openMembership({
    quorum: servers.map(({ port }) => `127.0.0.1:${port}`).join(','),
    namespace: `ensemble${process.pid}`,
    self: newRun(brokerId, startNumber),
    sessionTimeoutMs,
    clock: new SystemClock(),
    timers: new SystemTimers(),
    monotonicMs: () => performance.now(),
    onNotice: () => undefined,
  });
  memberships.push(membership);
  return membership;
}

interface Told {
  readonly what: string;
  readonly atMs: number;
}

/** What `membership` is told from now on, and when. */
function told(membership: Membership): Told[] {
  const events: Told[] = [];
  const note = (what: string) => void events.push({ what, atMs: performance.now() });
  membership.follow(({ type, member }) => {
    note(`${type} ${member.incarnation}`);
  });
  membership.onLost((reason) => {
    note(`lost: ${reason}`);
  });
  return events;
}

test('each server in turn may die: nobody loses its place or is told that another one did', async () => {
  const first = await join('spoke-1', 1);
  const events = told(first);
  for (const [turn, server] of ensemble.servers.entries()) {
    const wasLeader = (await ensemble.modes())[turn] === 'leader';
    const killedAtMs = performance.now();
    await server.kill();
    const next = await join('spoke-2', turn + 1);
    await next.refresh();
    console.info(
      `${server.plan.role}${wasLeader ? ', the leader,' : ''} killed; a broker joined ${(performance.now() - killedAtMs).toFixed(0)} ms later`,
    );
    expect(next.members().map(({ brokerId }) => brokerId)).toEqual(['spoke-1', 'spoke-2']);
    await first.refresh();
    expect(first.holdsPlace).toBe(true);
    await next.leave();
    await server.start();
    await allServe();
  }
  await first.refresh();
  expect(first.holdsPlace).toBe(true);
  const runs = ensemble.servers.flatMap((_, turn) => [
    `MemberUp spoke-2#${turn + 1}`,
    `MemberDown spoke-2#${turn + 1}`,
  ]);
  expect(events.map(({ what }) => what)).toEqual(runs);
});

test('a server that hangs: who is connected to it goes to another one in time', async () => {
  const modes = await ensemble.modes();
  const hanging = ensemble.servers[modes.indexOf('follower')];
  if (hanging === undefined) throw new Error('no follower');
  const others = ensemble.servers.filter((server) => server !== hanging);
  const [there, elsewhere] = [
    await join('spoke-1', 1, { servers: [hanging, ...others] }),
    await join('spoke-2', 1, { servers: others }),
  ];
  await there.refresh();
  const [ofThere, ofElsewhere] = [told(there), told(elsewhere)];
  hanging.pause();
  try {
    const pausedAtMs = performance.now();
    await there.refresh();
    console.info(`its member was served again ${(performance.now() - pausedAtMs).toFixed(0)} ms later`);
    await elsewhere.refresh();
    expect([there.holdsPlace, elsewhere.holdsPlace]).toEqual([true, true]);
    expect([...ofThere, ...ofElsewhere]).toEqual([]);
  } finally {
    hanging.resume();
  }
});

test('without a majority everybody has lost its place before anybody can be told, and joins anew when it is back', async () => {
  const sessionTimeoutMs = SHORT_SESSION_MS;
  const first = await join('spoke-1', 1, { sessionTimeoutMs });
  const second = await join('spoke-2', 1, { sessionTimeoutMs });
  await first.refresh();
  const [ofFirst, ofSecond] = [told(first), told(second)];
  const [one, two] = ensemble.servers;
  const killedAtMs = performance.now();
  await Promise.all([one?.kill(), two?.kill()]);
  await vi.waitFor(() => {
    expect([first.holdsPlace, second.holdsPlace]).toEqual([false, false]);
  }, WAIT);
  for (const events of [ofFirst, ofSecond])
    expect(events).toEqual([
      { what: 'lost: ZooKeeper did not confirm the place in time', atMs: expect.any(Number) as number },
    ]);
  const lostAtMs = Math.max(...[...ofFirst, ...ofSecond].map(({ atMs }) => atMs));
  expect(lostAtMs - killedAtMs).toBeLessThan(sessionTimeoutMs);
  await Promise.all([one?.start(), two?.start()]);
  const again = await join('spoke-1', 2);
  const ofAgain = told(again);
  await vi.waitFor(async () => {
    expect((await again.refresh()).map(({ incarnation }) => incarnation)).toEqual(['spoke-1#2']);
  }, WAIT);
  console.info(
    `majority killed at 0, places lost at ${(lostAtMs - killedAtMs).toFixed(0)} ms, gone for others at ${((ofAgain.at(-1)?.atMs ?? 0) - killedAtMs).toFixed(0)} ms`,
  );
  expect(ofAgain.map(({ what }) => what).toSorted()).toEqual([
    'MemberDown spoke-1#1',
    'MemberDown spoke-2#1',
  ]);
});
