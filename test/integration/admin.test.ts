/** The admin API in front of a broker with real sessions: lists, queues, kicks, purges, events, metrics, readiness. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import type { RawClient } from '../support/raw-client.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { disconnect, expectNothing, payloads, publish, subscribe, take } from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, persistent } from './support/versions.ts';

let broker: RunningBroker;
let publisher: RawClient;

beforeAll(async () => {
  broker = await RunningBroker.start();
  ({ client: publisher } = await broker.connect(MQTT_5, { clientId: 'publisher' }));
});

afterAll(() => broker.dispose());

async function answer(path: string, method = 'GET'): Promise<{ status: number; body: unknown }> {
  const response = await broker.admin(path, { method });
  return { status: response.status, body: await response.json() };
}

/** A persistent session with one subscription, its client gone, and this many messages waiting. */
async function absentWith(messages: number): Promise<string> {
  const clientId = newClientId('absent');
  const { client } = await broker.connect(MQTT_3_1_1, { clientId, clean: false });
  await subscribe(client, { topic: clientId, qos: 1 });
  await disconnect(client);
  for (let index = 0; index < messages; index++) {
    await publish(publisher, { topic: clientId, qos: 1, payload: String(index) });
  }
  return clientId;
}

describe('sessions', () => {
  it('are shown as they are, connected or not', async () => {
    const absent = await absentWith(2);
    expect(await answer(`/api/v1/session?client=${absent}`)).toMatchObject({
      status: 200,
      body: {
        clientId: absent,
        level: 4,
        connected: false,
        closeReason: 'clientDisconnect',
        queuedMessages: 2,
        subscriptions: [{ filter: absent, qos: 1 }],
      },
    });
    const clientId = newClientId('present');
    const { client } = await broker.connect(MQTT_5, {
      clientId,
      will: { topic: 'w', payload: 'x', qos: 1, retain: false, properties: { willDelayInterval: 5 } },
    });
    await subscribe(client, { topic: clientId, qos: 2, nl: true });
    await publish(publisher, { topic: clientId, qos: 1 });
    await client.expect('publish');
    expect(await answer(`/api/v1/session?client=${clientId}`)).toMatchObject({
      body: {
        connected: true,
        inFlight: 1,
        subscriptions: [{ filter: clientId, noLocal: true }],
        will: { topic: 'w', qos: 1, delayS: 5 },
      },
    });
  });

  it('are listed in pages, and filtered', async () => {
    const names = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const clientId = `page-${index}`;
        await broker.connect(MQTT_5, { clientId });
        return clientId;
      }),
    );
    const seen: string[] = [];
    let path = '/api/v1/sessions?match=page-&limit=2&connected=true';
    for (let pages = 0; pages < 4 && path !== ''; pages++) {
      const { body } = await answer(path);
      const { items, next } = body as { items: { clientId: string }[]; next?: string };
      seen.push(...items.map(({ clientId }) => clientId));
      path = next === undefined ? '' : `/api/v1/sessions?match=page-&limit=2&connected=true&cursor=${next}`;
    }
    expect(seen).toEqual(names);
    expect(await answer('/api/v1/session?client=nobody')).toMatchObject({ status: 404 });
  });

  it('are told as they were at a moment that has passed', async () => {
    const clientId = newClientId('past');
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic: clientId, qos: 1 });
    const connected = await momentPassed();
    await disconnect(client);
    const away = await momentPassed();
    await answer(`/api/v1/session?client=${clientId}&discard=true`, 'DELETE');
    const past = (at: string) => answer(`/api/v1/session/past?client=${clientId}&at=${at}`);
    expect(await past(connected)).toMatchObject({
      status: 200,
      body: {
        connected: true,
        owner: { incarnation: 'spoke-1#1' },
        subscriptions: [{ filter: clientId, qos: 1 }],
      },
    });
    expect(await past(away)).toMatchObject({ body: { connected: false, closeReason: 'clientDisconnect' } });
    expect(await past('-0s')).toMatchObject({
      status: 404,
      body: { message: expect.stringContaining('(administrative)') as unknown },
    });
    expect(await past('-8d')).toMatchObject({ status: 410, body: { code: 'BEYOND_LOG' } });
    const events = await (
      await broker.admin(`/api/v1/events?client=${clientId}&since=${connected}&until=${away}`)
    ).text();
    expect(events.match(/"event":"\w+"/g)).toEqual(['"event":"SessionClosed"']);
  });

  it('are kicked: the client is told, the session stays', async () => {
    const clientId = newClientId('kicked');
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect(await answer(`/api/v1/session?client=${clientId}`, 'DELETE')).toMatchObject({
      body: { kicked: true, discarded: false },
    });
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: REASON.administrativeAction });
    await client.closed();
    expect(await answer(`/api/v1/session?client=${clientId}`, 'DELETE')).toMatchObject({ status: 409 });
    const { connack } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect(connack.sessionPresent).toBe(true);
  });

  it('are discarded, connected or not', async () => {
    const absent = await absentWith(1);
    expect(await answer(`/api/v1/session?client=${absent}&discard=true`, 'DELETE')).toMatchObject({
      status: 200,
    });
    expect(await answer(`/api/v1/session?client=${absent}`)).toMatchObject({ status: 404 });
    const { connack } = await broker.connect(MQTT_3_1_1, { clientId: absent, clean: false });
    expect(connack.sessionPresent).toBe(false);
    expect(await publish(publisher, { topic: absent, qos: 1 })).toBe(REASON.noMatchingSubscribers);
  });
});

/** What happened before has an earlier time than this moment, and what happens next a later one. */
async function momentPassed(): Promise<string> {
  const nextMs = async (): Promise<number> => {
    const fromMs = Date.now();
    while (Date.now() === fromMs) await new Promise((resolve) => setImmediate(resolve));
    return Date.now();
  };
  const atMs = await nextMs();
  await nextMs();
  return new Date(atMs).toISOString();
}

describe('queues', () => {
  it('are listed and shown with their first messages', async () => {
    const clientId = await absentWith(25);
    const { body } = await answer(`/api/v1/queue?client=${clientId}`);
    expect(body).toMatchObject({ clientId, kind: 'pending', messages: 25 });
    const { head } = body as { head: { topic: string; seq: number }[] };
    expect(head).toHaveLength(20);
    expect(head[0]).toMatchObject({ topic: clientId, qos: 1, payloadBytes: 1 });
    const listed = await answer('/api/v1/queues?limit=1000');
    expect(JSON.stringify(listed.body)).toContain(clientId);
  });

  it('are purged, and what comes later is delivered', async () => {
    const clientId = await absentWith(3);
    expect(await answer(`/api/v1/queue/messages?client=${clientId}`, 'DELETE')).toMatchObject({
      body: { messages: 3 },
    });
    await publish(publisher, { topic: clientId, qos: 1, payload: 'later' });
    const { client } = await broker.connect(MQTT_3_1_1, { clientId, clean: false });
    expect(payloads([await take(client)])).toEqual(['later']);
    await expectNothing(client);
  });

  it('are purged under a connected client that does not acknowledge', async () => {
    const clientId = newClientId('stalled');
    const { client } = await broker.connect(MQTT_5, {
      clientId,
      clean: false,
      properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
    });
    await subscribe(client, { topic: clientId, qos: 1 });
    for (const payload of ['1', '2', '3']) await publish(publisher, { topic: clientId, qos: 1, payload });
    const first = await client.expect('publish');
    await answer(`/api/v1/queue/messages?client=${clientId}`, 'DELETE');
    client.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
    await publish(publisher, { topic: clientId, qos: 1, payload: '4' });
    expect(payloads([await take(client)])).toEqual(['4']);
    await expectNothing(client);
  });
});

describe('events', () => {
  it('tell the story of a session, and go on as they happen', async () => {
    const clientId = await absentWith(0);
    const response = await broker.admin(`/api/v1/events?client=${clientId}&since=start&follow=true`);
    const events = linesOf(response);
    const names = async (count: number): Promise<string[]> => {
      const found: string[] = [];
      while (found.length < count) found.push((await nextEvent(events)).event);
      return found;
    };
    expect(await names(3)).toEqual(['SessionOpened', 'Subscribed', 'SessionClosed']);
    await broker.connect(MQTT_3_1_1, { clientId, clean: true });
    expect(await names(2)).toEqual(['Unsubscribed', 'SessionOpened']);
    await events.return(undefined);
  });

  async function* linesOf(response: Response): AsyncGenerator<string, void, undefined> {
    let rest = '';
    const decoder = new TextDecoder();
    const body: AsyncIterable<Uint8Array> | null = response.body;
    for await (const chunk of body ?? []) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines.filter((line) => line !== '');
    }
  }

  async function nextEvent(lines: AsyncGenerator<string, void, undefined>): Promise<{ event: string }> {
    const { value } = await lines.next();
    if (value === undefined) throw new Error('The tail ended');
    return JSON.parse(value) as { event: string };
  }
});

describe('metrics', () => {
  /** The sum of all samples of one metric. */
  async function metric(name: string, labels = ''): Promise<number> {
    const text = await (await broker.admin('/metrics')).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(name) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  it('count connections, messages and drops as they happen', async () => {
    const before = {
      in: await metric('spoke_messages_received_total'),
      connections: await metric('spoke_connections'),
    };
    const clientId = newClientId('counted');
    const { client } = await broker.connect(MQTT_5, { clientId, properties: { maximumPacketSize: 50 } });
    await subscribe(client, { topic: clientId, qos: 1 });
    await publish(publisher, { topic: clientId, qos: 1 });
    await take(client);
    const dropsBefore = await metric('spoke_messages_dropped_total', 'reason="tooLarge"');
    await publish(publisher, { topic: clientId, qos: 1, payload: 'x'.repeat(100) });
    expect(await metric('spoke_messages_dropped_total', 'reason="tooLarge"')).toBe(dropsBefore + 1);
    expect(await metric('spoke_messages_received_total')).toBe(before.in + 2);
    expect(await metric('spoke_connections')).toBeGreaterThanOrEqual(before.connections + 1);
  });

  it.each([MQTT_3_1_1, MQTT_5])(
    'count who breaks the protocol, with CONNECT or later: $version',
    async (version) => {
      const before = await metric('spoke_protocol_violations_total');
      const stranger = await broker.open(version);
      stranger.send(Buffer.of(0xc0, 0));
      await stranger.closed();
      const { client } = await broker.connect(version, { clientId: newClientId('broken') });
      client.send(Buffer.of(0xc1, 0));
      await client.closed();
      expect(await metric('spoke_protocol_violations_total')).toBe(before + 2);
    },
  );
});

describe('members', () => {
  it('are none where the event log is embedded', async () => {
    expect(await answer('/api/v1/members')).toEqual({ status: 200, body: { clustered: false, members: [] } });
    expect(await (await broker.admin('/metrics')).text()).not.toContain('spoke_members');
  });
});

describe('health', () => {
  it('and readiness need no token; the API does', async () => {
    const open = { headers: {} };
    expect((await broker.admin('/healthz', open)).status).toBe(200);
    expect(await (await broker.admin('/readyz', open)).json()).toEqual({ ready: true, reasons: [] });
    expect((await broker.admin('/metrics', open)).status).toBe(200);
    expect((await broker.admin('/api/v1/sessions', open)).status).toBe(401);
    expect((await broker.admin('/api/v1/status')).status).toBe(200);
  });
});
