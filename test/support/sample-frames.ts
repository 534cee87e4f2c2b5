/** A frame of every kind, with everything that may be in it: what recorded conversations of brokers are made of. */
import type { PeerFrame } from '../../src/cluster/peer-frame.ts';
import type { Offset } from '../../src/event-log/event-log.ts';
import type { Seq } from '../../src/queue/durable-queue.ts';
import type { ClientId, SessionId } from '../../src/tenancy/identity.ts';
import { TENANT } from './peer-members.ts';

const CLIENT = 'bike-17' as ClientId;
const SESSION = 4_294_967_297 as SessionId;

export const SAMPLE_FRAMES: readonly PeerFrame[] = [
  {
    type: 'interest',
    tenant: TENANT,
    added: [
      { filter: 'bikes/+/position', group: undefined },
      { filter: 'bikes/#', group: 'dashboards' },
    ],
    removed: [{ filter: 'véhicules/+/état', group: undefined }],
  },
  {
    type: 'message',
    tenant: TENANT,
    message: {
      topic: 'bikes/17/position',
      payload: Buffer.from('52.5200,13.4050'),
      qos: 2,
      retain: true,
      // Content type text/plain.
      properties: Buffer.from('03000a746578742f706c61696e', 'hex'),
      publishedAtMs: 1_700_000_000_000,
      expiresAtMs: 1_700_000_060_000,
      publisher: CLIENT,
    },
    forInterest: true,
    groups: [{ name: 'dashboards', filter: 'bikes/#' }],
    targets: [
      {
        clientId: 'map' as ClientId,
        sessionId: SESSION,
        seq: 5_000_000_000 as Seq,
        qos: 1,
        retain: false,
        subscriptionIds: [1, 268_435_455],
      },
      {
        clientId: 'archive' as ClientId,
        sessionId: 7 as SessionId,
        seq: 0,
        qos: 0,
        retain: true,
        subscriptionIds: undefined,
      },
    ],
    origin: { producer: 'session 17', sequence: 42 },
  },
  {
    type: 'message',
    tenant: TENANT,
    message: {
      topic: '$SYS/broker/uptime',
      payload: Buffer.alloc(0),
      qos: 0,
      retain: false,
      properties: Buffer.alloc(0),
      publishedAtMs: 1_700_000_000_001,
      expiresAtMs: undefined,
      publisher: '',
    },
    forInterest: false,
    groups: [],
    targets: [],
    origin: undefined,
  },
  {
    type: 'reached',
    tenant: TENANT,
    queues: [{ clientId: CLIENT, sessionId: SESSION, seq: 9_007_199_254_740_991 as Seq }],
  },
  {
    type: 'awaitApplied',
    positions: [
      { partition: 0, offset: 0 as Offset },
      { partition: 11, offset: 4_294_967_296 as Offset },
    ],
  },
  { type: 'handOff', tenant: TENANT, clientId: CLIENT, sessionId: SESSION },
  { type: 'credit', tenant: TENANT, clientId: CLIENT, hasCredit: true },
  { type: 'credit', tenant: TENANT, clientId: CLIENT, hasCredit: false },
  { type: 'awaitRetained', positions: [{ partition: 3, offset: 4_294_967_297 as Offset }] },
];
