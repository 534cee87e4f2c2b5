/** Who is let in, and whom a broker lets itself in with, when brokers have certificates. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import type { PeerTls } from '../../../../src/adapters/peer-tcp/peer-tls.ts';
import { incarnation } from '../../../../src/tenancy/identity.ts';
import {
  certificateAuthority,
  clientCertificate,
  peerAuthority,
  peerCertificate,
  serverCertificate,
} from '../../../support/certificates.ts';
import { creditFrame } from '../../../support/peer-members.ts';
import { sent, TcpPeer } from '../../../support/tcp-peers.ts';

const TLS: PeerTls = { ...peerCertificate, ca: peerAuthority };
/** Of the authority that signs certificates of servers and clients, not of brokers. */
const FOREIGN: PeerTls = { ...clientCertificate, ca: peerAuthority };
const FOREIGN_LISTENER: PeerTls = { ...serverCertificate, ca: peerAuthority };

const opened: TcpPeer[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((peer) => peer.close()));
});

async function open(name: string, tls: PeerTls | undefined): Promise<TcpPeer> {
  const peer = await TcpPeer.open(incarnation(name, 1), { tls });
  opened.push(peer);
  return peer;
}

test('brokers of one authority talk', async () => {
  const a = await open('a', TLS);
  const b = await open('b', TLS);
  expect(await sent(a.connect(b), creditFrame(1))).toMatchObject({ type: 'handled' });
  expect(b.frames.items).toEqual([creditFrame(1)]);
  expect([...a.problems.items, ...b.problems.items]).toEqual([]);
});

test.each([
  ['a certificate of another authority', FOREIGN, /UNABLE_TO_VERIFY/],
  ['no certificate, in plain text', undefined, /wrong version number/],
])('a broker that dials with %s is refused, and both say why', async (_, tls, why) => {
  const stranger = await open('a', tls);
  const b = await open('b', TLS);
  const link = stranger.connect(b);
  link.send(creditFrame(1));
  await b.problems.find(({ peer, problem }) => peer.startsWith('127.0.0.1') && why.test(problem));
  await stranger.problems.find(({ peer }) => peer === 'b#1');
  expect(link.isUp).toBe(false);
  expect([stranger.states.items, b.frames.items]).toEqual([[], []]);
});

test.each([
  ['shows a certificate of another authority', FOREIGN_LISTENER, /unable to verify|self.signed/],
  ['talks in plain text', undefined, /disconnected before secure TLS/],
])('a broker that listens and %s is told nothing', async (_, tls, why) => {
  const a = await open('a', TLS);
  const b = await open('b', tls);
  const link = a.connect(b);
  link.send(creditFrame(1));
  await a.problems.find(({ peer, problem }) => peer === 'b#1' && why.test(problem));
  expect(b.links.stats.framesIn).toBe(0);
  expect([a.states.items, b.frames.items]).toEqual([[], []]);
});

test('who shows no certificate does not come as far as a greeting', async () => {
  const b = await open('b', TLS);
  const a = await open('a', TLS);
  const socket = connectTls({ host: '127.0.0.1', port: b.port, rejectUnauthorized: false });
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => undefined);
  await closed;
  const { peer } = await b.problems.find(({ problem }) => problem.startsWith('its certificate: UNABLE_TO_'));
  expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(b.links.stats.bytesIn).toBe(0);
  expect(await sent(a.connect(b), creditFrame(1))).toMatchObject({ type: 'handled' });
});

test('who begins a handshake and does not go on is closed in time', async () => {
  const b = await TcpPeer.open(incarnation('b', 1), { tls: TLS, limits: { connectTimeoutMs: 50 } });
  opened.push(b);
  const socket = connect(b.port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'close');
  await b.problems.find(({ problem }) => problem.startsWith('TLS handshake: '));
});

test('new certificates count for new connections, both ways, and what stands stays', async () => {
  const a = await open('a', TLS);
  const b = await open('b', TLS);
  const standing = a.connect(b);
  expect(await sent(standing, creditFrame(1))).toMatchObject({ type: 'handled' });

  // Another authority for all, one broker after the other.
  const renewed = { ...serverCertificate, ca: certificateAuthority };
  b.links.exchangeCertificates(renewed);
  expect(await sent(standing, creditFrame(2))).toMatchObject({ type: 'handled' });
  const late = await open('late', TLS);
  const refused = late.connect(b);
  await late.problems.find(({ peer }) => peer === 'b#1');
  expect(refused.isUp).toBe(false);

  late.links.exchangeCertificates({ ...clientCertificate, ca: certificateAuthority });
  expect(await sent(refused, creditFrame(3))).toMatchObject({ type: 'handled' });
  expect(await sent(standing, creditFrame(4))).toMatchObject({ type: 'handled' });
  expect(a.states.items).toEqual([true]);
});

test('certificates that cannot be used change nothing', async () => {
  const a = await open('a', TLS);
  const b = await open('b', TLS);
  const mismatched = { cert: peerCertificate.cert, key: serverCertificate.key, ca: peerAuthority };
  for (const peer of [a, b])
    expect(() => {
      peer.links.exchangeCertificates(mismatched);
    }).toThrow(/key values mismatch/);
  expect(await sent(a.connect(b), creditFrame(1))).toMatchObject({ type: 'handled' });
});

test('a broker that talks in the clear is given no certificates', async () => {
  const a = await open('a', undefined);
  expect(() => {
    a.links.exchangeCertificates(TLS);
  }).toThrow('in the clear');
});

test('a key that does not fit the certificate is told when it opens', async () => {
  const tls = { cert: peerCertificate.cert, key: serverCertificate.key, ca: certificateAuthority };
  await expect(open('a', tls)).rejects.toThrow(/key values mismatch/);
});
