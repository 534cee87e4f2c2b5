/** What sockets add to the links that any transport has; the rest is the contract suite's. */
import { afterEach, expect, test } from 'vitest';
import { incarnation } from '../../../../src/tenancy/identity.ts';
import { HeldUpProxy } from '../../../support/held-up-proxy.ts';
import { creditFrame, member, messageFrame } from '../../../support/peer-members.ts';
import { sent, TcpPeer } from '../../../support/tcp-peers.ts';

const A = incarnation('a', 1);
const B = incarnation('b', 1);

const opened: (TcpPeer | HeldUpProxy)[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function open(...args: Parameters<typeof TcpPeer.open>): Promise<TcpPeer> {
  const peer = await TcpPeer.open(...args);
  opened.push(peer);
  return peer;
}

async function proxyTo(
  peer: TcpPeer,
): Promise<{ readonly proxy: HeldUpProxy; readonly to: { host: string; port: number } }> {
  const proxy = await HeldUpProxy.start(peer.port);
  opened.push(proxy);
  return { proxy, to: { host: '127.0.0.1', port: proxy.port } };
}

test('the address has the port that was free, or what is advertised', async () => {
  const a = await open(A);
  expect(a.links.address.host).toBe('127.0.0.1');
  expect(a.port).toBeGreaterThan(0);
  const advertise = { host: 'broker-2.example', port: 7883 };
  expect((await open(B, { advertise })).links.address).toEqual(advertise);
});

test('an address that is taken, or none, is told when it opens', async () => {
  const a = await open(A);
  await expect(TcpPeer.open(B, { port: a.port })).rejects.toThrow('EADDRINUSE');
  await expect(TcpPeer.open(B, { host: '192.0.2.1' })).rejects.toThrow('EADDRNOTAVAIL');
});

test('its port is free again when it has closed, with connections open', async () => {
  const a = await open(A);
  const b = await open(B);
  await sent(a.connect(b), creditFrame(1));
  const { port } = b;
  await b.close();
  await b.close();
  expect((await open(incarnation('b', 2), { port })).port).toBe(port);
});

test('peers reach each other by IPv6', async () => {
  const a = await open(A, { host: '::1' });
  const b = await open(B, { host: '::1' });
  expect(a.links.address.host).toBe('::1');
  expect(await sent(a.connect(b), creditFrame(1))).toMatchObject({ type: 'handled' });
  expect(await sent(b.connect(a), creditFrame(2))).toMatchObject({ type: 'handled' });
});

test('a name with several addresses is tried until one answers', async () => {
  const a = await open(A);
  const b = await open(B);
  const link = a.connect(b, { host: 'localhost', port: b.port });
  expect(await sent(link, creditFrame(1))).toMatchObject({ type: 'handled' });
});

test.each([
  ['that nobody listens at', { host: '127.0.0.1', port: 1 }, /ECONNREFUSED/],
  ['that is none', { host: '127.0.0.1', port: 99_999 }, /99999/],
  ['of a name that nobody has', { host: 'peer.invalid', port: 7883 }, /ENOTFOUND|EAI_AGAIN/],
])('a peer at an address %s is told once, and its frames wait', async (_, address, why) => {
  const a = await open(A);
  const link = a.connectTo(member(B, address));
  link.send(creditFrame(1));
  const { peer } = await a.problems.find(({ problem }) => why.test(problem));
  expect(peer).toBe(B);
  expect(link.isUp).toBe(false);
  expect(link.unhandledBytes).toBeGreaterThan(0);
});

test('a connection that is open and passes nothing is found by its silence at both ends', async () => {
  const limits = { idleMs: 20, silentMs: 60, connectTimeoutMs: 200 };
  const a = await open(A, { limits });
  const b = await open(B, { limits });
  const { proxy, to } = await proxyTo(b);
  const link = a.connect(b, to);
  await sent(link, creditFrame(1));
  proxy.holdUp();
  const outcome = sent(link, creditFrame(2));
  await a.problems.find(({ problem }) => problem === 'nothing came for 60 ms');
  await b.problems.find(({ peer, problem }) => peer === A && problem === 'nothing came for 60 ms');
  expect(a.states.items).toEqual([true, false]);
  proxy.letPass();
  expect(await outcome).toMatchObject({ type: 'handled' });
  expect(b.frames.items).toEqual([creditFrame(1), creditFrame(2)]);
  expect([a.links.stats.silent, a.links.stats.reconnects]).toEqual([1, 1]);
});

test('a connection on which nobody has anything to say stays', async () => {
  const limits = { idleMs: 10, silentMs: 30 };
  const a = await open(A, { limits });
  const b = await open(B, { limits });
  await sent(a.connect(b), creditFrame(1));
  const { bytesIn } = a.links.stats;
  // Ten silences long: each end is heard of by its pings.
  while (a.links.stats.bytesIn < bytesIn + 10 * 3 * 5) await new Promise((resolve) => setImmediate(resolve));
  expect(a.states.items).toEqual([true]);
  expect(b.problems.items).toEqual([]);
});

test('to a peer that takes nothing only so much is written, and others get theirs', async () => {
  const backlogBytesMax = 65_536;
  const a = await open(A, { limits: { backlogBytesMax } });
  const b = await open(B);
  const c = await open(incarnation('c', 1));
  const { proxy, to } = await proxyTo(b);
  const slow = a.connect(b, to);
  await sent(slow, creditFrame(0));
  proxy.holdUp();
  const payload = Buffer.alloc(100_000, 'x');
  const outcomes = Array.from({ length: 300 }, () => sent(slow, messageFrame(payload)));
  expect(slow.unhandledBytes).toBeGreaterThan(30_000_000);
  const fast = a.connect(c);
  for (let n = 0; n < 20; n++) {
    expect(await sent(fast, creditFrame(n))).toMatchObject({ type: 'handled' });
  }
  // What the kernel and the proxy hold, and not the thirty megabytes.
  expect(a.links.stats.bytesOut).toBeLessThan(20_000_000);
  proxy.letPass();
  expect((await Promise.all(outcomes)).every(({ type }) => type === 'handled')).toBe(true);
  expect(b.frames.items).toHaveLength(301);
  expect(slow.unhandledBytes).toBe(0);
});

test('frames of one turn leave in one write, and are confirmed in one', async () => {
  const a = await open(A);
  const b = await open(B);
  const link = a.connect(b);
  await sent(link, creditFrame(0));
  const { framesOut, bytesIn } = a.links.stats;
  await Promise.all(Array.from({ length: 1000 }, (_, n) => sent(link, creditFrame(n))));
  expect(a.links.stats.framesOut - framesOut).toBe(1000);
  // A confirmation of frames without gap and reply is 17 bytes: few of them, however the bytes were cut on their way.
  expect(a.links.stats.bytesIn - bytesIn).toBeLessThan(20 * 17);
});

test('a broker that comes back at its address with its next number is another peer', async () => {
  const a = await open(A);
  const b = await open(B);
  const link = a.connect(b);
  await sent(link, creditFrame(1));
  await b.close();
  const lost = sent(link, creditFrame(2));
  const reborn = await open(incarnation('b', 2), { port: b.port });
  await a.problems.find(({ problem }) => problem === 'refused: this is b#2, not b#1');
  expect(await sent(a.connect(reborn), creditFrame(3))).toMatchObject({ type: 'handled' });
  link.close();
  expect(await lost).toEqual({ type: 'gone' });
  expect(reborn.frames.items).toEqual([creditFrame(3)]);
});
