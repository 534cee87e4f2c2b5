/** Members in a real ZooKeeper while the network breaks, processes stop, and somebody meddles with the nodes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { createNode, type Request } from '../../../src/adapters/zookeeper/requests.ts';
import { int, text } from '../../../src/adapters/zookeeper/wire-fields.ts';
import { ZooKeeperSession } from '../../../src/adapters/zookeeper/zookeeper-session.ts';
import type { Membership } from '../../../src/cluster/membership.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import { SystemTimers } from '../../../src/transport/system-time.ts';
import { newRun } from '../../support/members.ts';
import { ZooKeeperMembers } from '../../support/zookeeper-members.ts';

const BUILT = new URL('../../../dist/src/', import.meta.url);
const SESSION_TIMEOUT_MS = 6_000;
/** Of the process that is stopped: two ticks of the ZooKeeper of these tests, the shortest there is. */
const SHORT_SESSION_MS = 2_000;
const WAIT = { timeout: 20_000, interval: 5 };

let members: ZooKeeperMembers;
let namespaces = 0;

beforeEach(() => {
  const namespace = `faults${process.pid}_${++namespaces}`;
  members = new ZooKeeperMembers(inject('zookeeperQuorum'), namespace, SESSION_TIMEOUT_MS);
});

afterEach(async () => {
  await members.dispose();
});

/** What `membership` is told from now on, `type incarnation`, and that it lost its place. */
function told(membership: Membership): string[] {
  const events: string[] = [];
  membership.follow(({ type, member }) => events.push(`${type} ${member.incarnation}`));
  membership.onLost((reason) => events.push(`lost: ${reason}`));
  return events;
}

/** Somebody else's session, who knows nothing of membership. */
async function stranger<Outcome>(act: (session: ZooKeeperSession) => Promise<Outcome>): Promise<Outcome> {
  const [host = '', port] = inject('zookeeperQuorum').split(':');
  const session = new ZooKeeperSession({
    servers: [{ host, port: Number(port) }],
    timeoutMs: SESSION_TIMEOUT_MS,
    timers: new SystemTimers(),
    monotonicMs: () => performance.now(),
    onConnected: () => undefined,
    onEvent: () => undefined,
    onExpired: () => undefined,
  });
  try {
    return await act(session);
  } finally {
    await session.close();
  }
}

function path(name: string): string {
  return `/spokemq/${members.namespace}/members/${name}`;
}

test.each(['refuse', 'hold'] as const)(
  'a network that is away for less than the lease costs nothing: %s',
  async (fault) => {
    const [first, second] = [
      await members.join(newRun('spoke-1', 1)),
      await members.join(newRun('spoke-2', 1)),
    ];
    await first.refresh();
    const [ofFirst, ofSecond] = [told(first), told(second)];
    members.network(first)[fault]();
    const third = await members.join(newRun('spoke-3', 1));
    await second.leave();
    const refreshed = first.refresh();
    members.network(first).mend();
    expect((await refreshed).map(({ incarnation }) => incarnation)).toEqual(['spoke-1#1', 'spoke-3#1']);
    expect(ofFirst.toSorted()).toEqual(['MemberDown spoke-2#1', 'MemberUp spoke-3#1']);
    expect(ofSecond).toEqual(['MemberUp spoke-3#1']);
    expect([first.holdsPlace, third.holdsPlace]).toEqual([true, true]);
    expect(third.members()).toContainEqual(first.self);
    await third.drain(true);
    await vi.waitFor(() => {
      expect(ofFirst).toContain('MemberChanged spoke-3#1');
    }, WAIT);
  },
);

test('a member whose node somebody removed has lost its place', async () => {
  const first = await members.join(newRun('spoke-1', 1));
  const events = told(first);
  await stranger((session) => session.call(removeNode(path('spoke-1%231'))));
  await vi.waitFor(() => {
    expect(events).toEqual(['lost: somebody removed its node from ZooKeeper']);
  }, WAIT);
  expect(first.holdsPlace).toBe(false);
  await expect(first.drain(true)).rejects.toThrow(StoreUnavailableError);
});

test('a member that is not understood is not taken for dead, and what is no member is nobody', async () => {
  const first = await members.join(newRun('spoke-1', 1));
  const events = told(first);
  await stranger(async (session) => {
    await session.call(createNode(path('notes'), Buffer.from('bought milk'), true));
    expect(await first.refresh()).toEqual([first.self]);
    await session.call(createNode(path('spoke-9%234'), Buffer.from('{"version":9}'), true));
    await expect(first.refresh()).rejects.toThrow(/spoke-9%234 is not understood/);
    await expect(members.join(newRun('spoke-2', 1))).rejects.toThrow(StoreUnavailableError);
  });
  expect(await first.refresh()).toEqual([first.self]);
  expect(events.filter((event) => !event.includes('spoke-2'))).toEqual([]);
});

test('two runs of one broker at once are worth a word', async () => {
  const first = await members.join(newRun('spoke-1', 1));
  await members.join(newRun('spoke-1', 2));
  await first.refresh();
  expect(members.notices.toSorted()).toEqual([
    expect.stringContaining('spoke-1#1 is a member too'),
    expect.stringContaining('spoke-1#2 is a member too'),
  ]);
});

test('a run that is a member cannot join a second time', async () => {
  const first = await members.join(newRun('spoke-1', 1));
  await expect(members.join(newRun('spoke-1', 1))).rejects.toThrow(/is of another session/);
  expect(first.holdsPlace).toBe(true);
});

test('a process that was stopped for longer than its session finds its place lost at its first look', async () => {
  const first = await members.join(newRun('spoke-1', 1));
  const child = startChild();
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    await lines.next();
    const down = new Promise<bigint>((resolve) => {
      first.follow(({ type }) => {
        if (type === 'MemberDown') resolve(process.hrtime.bigint());
      });
    });
    await first.refresh();
    expect(first.members().map(({ brokerId }) => brokerId)).toEqual(['spoke-1', 'stopped']);
    child.kill('SIGSTOP');
    const stoppedAt = process.hrtime.bigint();
    const toldAt = await down;
    child.kill('SIGCONT');
    const line = (await lines.next()) as { readonly value: string };
    const seen = JSON.parse(line.value) as {
      readonly heldAt: string;
      readonly lostAt: string;
      readonly reason: string;
    };
    const ms = (moment: bigint | string) => Number(BigInt(moment) - stoppedAt) / 1e6;
    console.info(
      `stopped at 0, others told at ${ms(toldAt).toFixed(0)} ms, woke and lost at ${ms(seen.lostAt).toFixed(0)} ms`,
    );
    // Between the last look that found the place held and the next one lies the whole stop.
    expect(ms(seen.heldAt)).toBeLessThan(100);
    expect(ms(seen.heldAt)).toBeLessThan(ms(toldAt));
    expect(ms(seen.lostAt)).toBeGreaterThan(ms(toldAt));
    expect(seen.reason).toBe('ZooKeeper did not confirm the place in time');
    // Nothing keeps the process alive.
    expect(await once(child, 'close')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

/** A broker in a process of its own that does nothing but look whether it has its place. */
function startChild() {
  const modules = ['adapters/zookeeper/zookeeper-membership.js', 'transport/system-time.js'].map(
    (file) => new URL(file, BUILT),
  );
  for (const module of modules)
    if (!existsSync(module))
      throw new Error(`${fileURLToPath(module)} is missing: run "npm run build" first`);
  const [membership, time] = modules.map(({ href }) => JSON.stringify(href));
  const source = `
    import { openMembership } from ${membership};
    import { SystemClock, SystemTimers } from ${time};
    const membership = await openMembership({
      quorum: ${JSON.stringify(inject('zookeeperQuorum'))},
      namespace: ${JSON.stringify(members.namespace)},
      self: ${JSON.stringify(newRun('stopped', 1))},
      sessionTimeoutMs: ${SHORT_SESSION_MS},
      clock: new SystemClock(),
      timers: new SystemTimers(),
      monotonicMs: () => performance.now(),
      onNotice: () => undefined,
    });
    console.log('joined');
    let heldAt;
    const look = () => {
      const now = process.hrtime.bigint();
      if (membership.holdsPlace) {
        heldAt = now;
        setImmediate(look);
        return;
      }
      membership.onLost(async (reason) => {
        console.log(JSON.stringify({ heldAt: String(heldAt), lostAt: String(now), reason }));
        await membership.leave();
      });
    };
    look();`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function removeNode(of: string): Request<void> {
  const [remove, anyVersion] = [2, -1];
  return {
    type: remove,
    body: Buffer.concat([text(of), int(anyVersion)]),
    what: 'removing',
    read: () => undefined,
  };
}
