/**
 * Two adjacent releases talk: a broker of each version of the protocol was recorded, and its bytes are played back to today's. To
 * record a new version: `SPOKE_RECORD_PEER=1 npx vitest run --project fast test/unit/adapters/peer-tcp/recorded-peer.test.ts`.
 * A recording is never made again once its version is released.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { isKnown } from '../../../../src/cluster/peer-frame-codec.ts';
import type { PeerFrame } from '../../../../src/cluster/peer-frame.ts';
import type { FrameOutcome, PeerLink } from '../../../../src/cluster/peer-links.ts';
import { decodePeerMessage } from '../../../../src/cluster/wire/peer-message-codec.ts';
import {
  PROTOCOL,
  PROTOCOL_VERSIONS,
  type ProtocolRange,
} from '../../../../src/cluster/wire/protocol-version.ts';
import { incarnation } from '../../../../src/tenancy/identity.ts';
import { creditFrame, member } from '../../../support/peer-members.ts';
import {
  playDialler,
  playListener,
  RecordingProxy,
  type RecordedMessage,
  type Recording,
} from '../../../support/recorded-peer.ts';
import { SAMPLE_FRAMES } from '../../../support/sample-frames.ts';
import { sent, TcpPeer } from '../../../support/tcp-peers.ts';

/** What a broker of one version said when it dialled, and when it was dialled. */
interface RecordedPeer {
  readonly dials: Recording;
  readonly listens: Recording;
}

const OLD = incarnation('old', 1);
const NEW = incarnation('new', 1);
const AGAIN = incarnation('new', 2);
/** What the receiver answers to a session that is handed off: the highest position sent. */
const REPLY = Buffer.from('000000012a05f200', 'hex');
const BATCH = [1, 2, 3].map(creditFrame);
const LAST = creditFrame(4);

/** What a peer of that version may be sent, one by one. */
function samplesOf(version: number): readonly PeerFrame[] {
  return SAMPLE_FRAMES.filter(({ type }) => isKnown(type, version));
}

function allFramesOf(version: number): readonly PeerFrame[] {
  return [...samplesOf(version), ...BATCH, LAST];
}

/** It comes to pinging while it is recorded. */
const PINGS = { idleMs: 30, silentMs: 20_000 };

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function open(...args: Parameters<typeof TcpPeer.open>): Promise<TcpPeer> {
  const peer = await TcpPeer.open(...args);
  peer.answer = ({ type }) => (type === 'handOff' ? Promise.resolve(REPLY) : undefined);
  opened.push(peer);
  return peer;
}

/** Every kind of frame by itself, some at once, and one more after the connection was lost. */
async function converse(link: PeerLink, reconnect: () => Promise<unknown>): Promise<FrameOutcome[]> {
  const outcomes: FrameOutcome[] = [];
  for (const frame of samplesOf(link.version)) outcomes.push(await sent(link, frame));
  outcomes.push(...(await Promise.all(BATCH.map((frame) => sent(link, frame)))));
  await reconnect();
  outcomes.push(await sent(link, LAST));
  return outcomes;
}

function outcomesOf(version: number): readonly object[] {
  return allFramesOf(version).map(({ type }) => ({
    type: 'handled',
    reply: type === 'handOff' ? REPLY : Buffer.alloc(0),
  }));
}

/** Breaks the connection once the old broker has pinged, and waits for the next. */
async function cut(proxy: RecordingProxy, sender: TcpPeer): Promise<void> {
  const [first] = await proxy.connections.reaches(1);
  await first?.find(({ by, type }) => by === 'old' && type === 'ping');
  proxy.cut();
  await sender.states.reaches(3);
}

async function startProxy(...args: Parameters<typeof RecordingProxy.start>): Promise<RecordingProxy> {
  const proxy = await RecordingProxy.start(...args);
  opened.unshift(proxy);
  return proxy;
}

/** The three connections; of the pings only the first of the old broker's. */
async function recordingOf({ connections }: RecordingProxy): Promise<Recording> {
  const [one, two, three] = await connections.reaches(3);
  await three?.find(({ type }) => type === 'refused');
  return [one, two, three].map((each, index) => {
    const ping = index > 0 ? undefined : each?.items.find(({ by, type }) => by === 'old' && type === 'ping');
    return (each?.items ?? []).filter((message) => message.type !== 'ping' || message === ping);
  });
}

async function recordDialler(): Promise<Recording> {
  const old = await open(OLD, { limits: PINGS });
  const fresh = await open(NEW, { limits: PINGS });
  const proxy = await startProxy(fresh.port, 'old');
  const to = { host: '127.0.0.1', port: proxy.port };
  const link = old.connect(fresh, to);
  expect(await converse(link, () => cut(proxy, old))).toEqual(outcomesOf(PROTOCOL.max));
  link.close();
  old.connectTo(member(AGAIN, to));
  return recordingOf(proxy);
}

async function recordListener(): Promise<Recording> {
  const old = await open(OLD, { limits: PINGS });
  const fresh = await open(NEW, { limits: PINGS });
  const proxy = await startProxy(old.port, 'new');
  const link = fresh.connect(old, { host: '127.0.0.1', port: proxy.port });
  expect(await converse(link, () => cut(proxy, fresh))).toEqual(outcomesOf(PROTOCOL.max));
  old.links.forget(NEW);
  return recordingOf(proxy);
}

function fileOf(version: number): URL {
  return new URL(`../../../fixtures/peer-protocol/version-${version}.json`, import.meta.url);
}

function recordedPeer(version: number): RecordedPeer {
  return JSON.parse(readFileSync(fileOf(version), 'utf8')) as RecordedPeer;
}

function withoutPings(recording: Recording): Recording {
  return recording.map((messages) => messages.filter(({ type }) => type !== 'ping'));
}

/** The same bytes, but for what each release says about itself and what is for people. */
function checkFor(protocol: ProtocolRange) {
  return ({ type, hex }: RecordedMessage, got: Buffer): void => {
    const was = Buffer.from(hex, 'hex');
    if (type === 'hello') {
      expect(decodePeerMessage(got.subarray(4))).toEqual({ ...decodePeerMessage(was.subarray(4)), protocol });
    } else if (type === 'refused') {
      expect(decodePeerMessage(got.subarray(4))).toMatchObject({ type, code: 'incarnation' });
    } else {
      expect(got.toString('hex')).toBe(hex);
    }
  };
}

test('this release says what was recorded of it', { timeout: 20_000 }, async () => {
  const today: RecordedPeer = { dials: await recordDialler(), listens: await recordListener() };
  const file = fileOf(PROTOCOL.max);
  if (process.env['SPOKE_RECORD_PEER'] === '1' && !existsSync(file)) {
    writeFileSync(file, `${JSON.stringify(today, undefined, 2)}\n`);
  }
  const recorded = recordedPeer(PROTOCOL.max);
  expect(withoutPings(today.dials)).toEqual(withoutPings(recorded.dials));
  expect(withoutPings(today.listens)).toEqual(withoutPings(recorded.listens));
});

describe.each(PROTOCOL_VERSIONS)('a recorded peer that speaks version %i', (version) => {
  const ranges: [string, ProtocolRange][] = [
    ['this release', PROTOCOL],
    ['the next one', { min: version, max: version + 1 }],
  ];

  test.each(ranges)(
    'dials %s: every frame arrives once, what it hears is what it knows',
    async (_, protocol) => {
      const today = await open(NEW, { protocol });
      await playDialler(recordedPeer(version).dials, today.port, checkFor(protocol));
      expect(today.frames.items).toEqual(allFramesOf(version));
      expect(today.links.stats).toMatchObject({ malformed: 0, refused: 1, duplicatesDropped: 0 });
    },
  );

  test.each(ranges)(
    'is dialled by %s: it gets what it knows, its answers are understood',
    async (_, protocol) => {
      const recorded = await playListener(recordedPeer(version).listens, checkFor(protocol));
      opened.push(recorded);
      const today = await open(NEW, { protocol });
      const address = { host: '127.0.0.1', port: recorded.port };
      const link = today.connectTo(member(OLD, address, { min: version, max: version }));
      expect(await converse(link, () => today.states.reaches(3))).toEqual(outcomesOf(version));
      await recorded.played;
      await today.problems.find(({ problem }) => problem === 'refused: new#1 is down');
      expect(today.links.stats.malformed).toBe(0);
    },
  );
});
