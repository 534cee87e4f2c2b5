/** Whoever connects to the port for peers and is none: bounded, closed, told, and of no consequence for brokers. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TcpPeerTransport } from '../../../../src/adapters/peer-tcp/tcp-peer-transport.ts';
import { encodePeerMessage } from '../../../../src/cluster/wire/peer-message-codec.ts';
import { PROTOCOL } from '../../../../src/cluster/wire/protocol-version.ts';
import { incarnation } from '../../../../src/tenancy/identity.ts';
import { creditFrame, member } from '../../../support/peer-members.ts';
import {
  FRAME_BYTES_MAX,
  Gathered,
  listening,
  sent,
  TcpPeer,
  type Problem,
} from '../../../support/tcp-peers.ts';

const B = incarnation('b', 1);
const HELLO = encodePeerMessage({
  type: 'hello',
  protocol: PROTOCOL,
  cluster: 'test',
  from: incarnation('stranger', 1),
  to: B,
});

let b: TcpPeer;

beforeEach(async () => {
  b = await TcpPeer.open(B, { limits: { connectTimeoutMs: 100 } });
});

afterEach(async () => {
  await b.close();
});

async function knock(port = b.port): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket.resume();
}

test.each<[string, Buffer, RegExp]>([
  [
    'speaks HTTP',
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    /a message of 1195725856 bytes; 1 to 8192 are taken/,
  ],
  ['announces more than a greeting', Buffer.from([0, 0, 0x20, 1]), /a message of 8193 bytes/],
  ['announces nothing', Buffer.alloc(4), /a message of 0 bytes/],
  ['greets as somebody else', Buffer.from([0, 0, 0, 5, 1, 1, 2, 3, 4]), /a greeting that is not of a broker/],
  ['breaks off within its greeting', Buffer.from([0, 0, 0, 3, 1, 0x53, 0x50]), /ends within a field/],
  ['sends a message of no type', Buffer.from([0, 0, 0, 1, 99]), /an unknown type, 99/],
  ['does not greet', encodePeerMessage({ type: 'ping' }), /ping before hello/],
  ['greets twice', Buffer.concat([HELLO, HELLO]), /hello from a sender of frames/],
  [
    'welcomes',
    Buffer.concat([HELLO, encodePeerMessage({ type: 'welcome', version: 1, resumeAfter: 0 })]),
    /welcome from a sender/,
  ],
  [
    'sends a frame of no kind',
    Buffer.concat([HELLO, Buffer.from([0, 0, 0, 10, 5, 0, 0, 0, 0, 0, 0, 0, 1, 77])]),
    /an unknown kind, 77/,
  ],
  [
    'announces a frame that is too large',
    Buffer.concat([HELLO, sizeOf(FRAME_BYTES_MAX + 1)]),
    /a message of 1048577 bytes/,
  ],
])('one that %s is closed, counted and told', async (_, bytes, why) => {
  const socket = await knock();
  socket.write(bytes);
  await once(socket, 'close');
  await b.problems.find(({ problem }) => why.test(problem));
  expect(b.links.stats.malformed).toBe(1);
  expect(b.frames.items).toEqual([]);
});

test.each(['says nothing', 'sends its greeting byte by byte'])(
  'one that %s is closed in time',
  async (how) => {
    const socket = await knock();
    const closed = once(socket, 'close');
    if (how !== 'says nothing') {
      for (const byte of HELLO.subarray(0, 20))
        await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    }
    await closed;
    await b.problems.find(({ problem }) => problem === 'no hello within 100 ms');
  },
);

test('one that takes nothing of what it is told, refused, is closed in time', async () => {
  const socket = await knock();
  socket.pause();
  socket.write(
    encodePeerMessage({
      type: 'hello',
      protocol: PROTOCOL,
      cluster: 'elsewhere',
      from: incarnation('s', 1),
      to: B,
    }),
  );
  await b.problems.find(({ problem }) => problem.startsWith('refused: '));
  socket.resume();
  await once(socket, 'close');
  expect(b.links.stats.refused).toBe(1);
});

test('strangers by the dozen do not keep a broker out', async () => {
  const strangers = await Promise.all(Array.from({ length: 40 }, () => knock()));
  for (const socket of strangers) socket.write(HELLO.subarray(0, 9));
  const a = await TcpPeer.open(incarnation('a', 1));
  expect(await sent(a.connect(b), creditFrame(1))).toMatchObject({ type: 'handled' });
  await Promise.all(strangers.map((socket) => once(socket, 'close')));
  expect(await sent([...a.links.links()][0]!, creditFrame(2))).toMatchObject({ type: 'handled' });
  await a.close();
});

test('more connections than there may be are dropped and told', async () => {
  const problems = new Gathered<Problem>();
  const transport = await TcpPeerTransport.listen({
    listen: { host: '127.0.0.1', port: 0 },
    advertise: undefined,
    tls: undefined,
    handshakeTimeoutMs: 1000,
    connectionsMax: 2,
    report: (peer, problem) => {
      problems.add({ peer, problem });
    },
  });
  const accepted = new Gathered<string>();
  transport.accept((_, from) => {
    accepted.add(from);
    return {
      onOpen: () => undefined,
      onBytes: () => undefined,
      onDrained: () => undefined,
      onClosed: () => undefined,
    };
  });
  await Promise.all([knock(transport.address.port), knock(transport.address.port)]);
  await accepted.reaches(2);
  const third = await knock(transport.address.port);
  await once(third, 'close');
  expect(await problems.reaches(1)).toMatchObject([{ problem: 'dropped: there are 2 connections already' }]);
  await transport.close();
});

test('whoever listens where a peer should and answers nonsense is given up, and dialled again', async () => {
  const answers = new Gathered<Socket>();
  const server = await listening((socket) => {
    socket.on('error', () => undefined);
    socket.end('220 mail.example ESMTP\r\n');
    answers.add(socket);
  });
  const link = b.connectTo(member(incarnation('c', 1), { host: '127.0.0.1', port: server.port }));
  await answers.reaches(3);
  expect(b.problems.items).toHaveLength(1);
  expect(b.problems.items[0]?.problem).toContain('cut: a message of');
  expect(b.links.stats.malformed).toBeGreaterThanOrEqual(2);
  link.close();
  server.close();
});

/** The length of a message, and its first byte. */
function sizeOf(bytes: number): Buffer {
  const head = Buffer.alloc(5, 5);
  head.writeUInt32BE(bytes);
  return head;
}
