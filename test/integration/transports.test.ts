/** The same broker over tcp, tls, ws and wss, however the bytes are cut into pieces, and over IPv6. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker, TRANSPORTS } from '../support/running-broker.ts';
import { expectNothing, publish, publishPacket, subscribe, take, takeAll } from './support/exchanges.ts';
import { newClientId, VERSIONS } from './support/versions.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await RunningBroker.start();
});

afterAll(() => broker.dispose());

/** Each piece is a write of its own, on WebSockets a frame. */
function sendInPieces(client: RawClient, bytes: Buffer, pieceBytes: number): void {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    client.send(bytes.subarray(start, start + pieceBytes));
  }
}

describe.each(TRANSPORTS)('%s', (transport) => {
  it.each(VERSIONS)(
    'carries every QoS both ways [3.1.1 MQTT-7.1.1-1] [5.0 MQTT-4.2.0-1]: $version',
    async ({ level }) => {
      const topic = newClientId('topic');
      const { client } = await broker.connect({ transport, level }, { clientId: newClientId() });
      const { client: other } = await broker.connect({ level }, { clientId: newClientId() });
      await subscribe(client, { topic, qos: 2 });
      for (const qos of [0, 1, 2] as const) {
        const payload = Buffer.alloc(100_000, qos);
        await publish(other, { topic, qos, payload });
        expect(Buffer.from((await take(client)).payload).equals(payload)).toBe(true);
        await subscribe(other, { topic: `${topic}/back`, qos: 2 });
        await publish(client, { topic: `${topic}/back`, qos, payload });
        expect(Buffer.from((await take(other)).payload).equals(payload)).toBe(true);
      }
      await expectNothing(client);
    },
  );

  it.each([1, 3, 1000])(
    'takes packets in pieces of %i bytes, and several packets in one',
    async (pieceBytes) => {
      const topic = newClientId('pieces');
      const client = await broker.open({ transport, level: 5 });
      const connect = client.encode({
        cmd: 'connect',
        clientId: newClientId(),
        protocolId: 'MQTT',
        protocolVersion: 5,
        clean: true,
        keepalive: 0,
      });
      const rest = [
        client.encode({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] }),
        client.encode(publishPacket({ topic, payload: 'x'.repeat(300) })),
        client.encode(publishPacket({ topic, payload: 'second' })),
      ];
      sendInPieces(client, Buffer.concat([connect, ...rest]), pieceBytes);
      await client.expect('connack');
      await client.expect('suback');
      const messages = await takeAll(client, 2);
      expect(messages.map(({ payload }) => payload.length)).toEqual([300, 6]);
    },
  );

  it('has a half-sent packet die with its connection', async () => {
    const topic = newClientId('half');
    const { client: watcher } = await broker.connect({ level: 5 }, { clientId: newClientId() });
    await subscribe(watcher, { topic, qos: 0 });
    const { client } = await broker.connect({ transport, level: 5 }, { clientId: newClientId() });
    const bytes = client.encode(publishPacket({ topic, payload: 'x'.repeat(1000) }));
    client.send(bytes.subarray(0, 500));
    client.destroy();
    await client.closed();
    await expectNothing(watcher);
  });
});

describe('a broker on IPv6', () => {
  let own: RunningBroker;

  beforeAll(async () => {
    const tls = { certFile: tlsFile('server'), keyFile: tlsFile('server-key') };
    own = await RunningBroker.start({
      listeners: TRANSPORTS.map((transport) => {
        const shared = { host: '::1', port: 0 } as const;
        return transport === 'tcp' || transport === 'ws'
          ? { ...shared, transport }
          : { ...shared, transport, tls };
      }),
    });
  });

  afterAll(() => own.dispose());

  it.each(TRANSPORTS)('serves clients, and shows where they come from: %s', async (transport) => {
    const clientId = newClientId('six');
    const { client } = await own.connect({ transport, host: '::1', level: 5 }, { clientId });
    await subscribe(client, { topic: clientId, qos: 1 });
    client.send(publishPacket({ topic: clientId, payload: 'six' }));
    expect((await take(client)).payload.toString()).toBe('six');
    const session = await (await own.admin(`/api/v1/session?tenant=default&client=${clientId}`)).json();
    expect(session).toMatchObject({ address: '::1' });
  });
});

function tlsFile(name: string): string {
  return fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
}
