/** MQTT.js. */
import { readFileSync } from 'node:fs';
import { connect, connectAsync, type IClientOptions } from 'mqtt';
import {
  describeForeignClient,
  type ForeignClient,
  type ForeignSession,
  type Received,
} from './support/foreign-client.ts';
import { AUTHORITY_FILE } from './support/killable-broker.ts';

const SCHEMES = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' } as const;
const SESSION_EXPIRY_S = 600;

const mqttJs: ForeignClient = {
  async leaveSession(session) {
    const client = await connectAsync(optionsOf(session));
    await client.subscribeAsync(session.topic, { qos: 1 });
    await client.endAsync();
  },

  async publish(session, payloads) {
    const client = await connectAsync(optionsOf(session));
    for (const payload of payloads) await client.publishAsync(session.topic, payload, { qos: 1 });
    await client.endAsync();
  },

  async receive(session, count) {
    // Messages follow CONNACK at once: whoever waits for that first misses them.
    const client = connect(optionsOf(session));
    const received = await new Promise<Received>((resolve, reject) => {
      const payloads: string[] = [];
      let sessionPresent: boolean | undefined;
      client.on('error', reject);
      client.on('connect', (connack) => (sessionPresent = connack.sessionPresent));
      client.on('message', (_topic, payload) => {
        payloads.push(payload.toString());
        if (payloads.length === count) resolve({ sessionPresent, payloads });
      });
    });
    await client.endAsync();
    return received;
  },
};

function optionsOf({ endpoint, level, clientId }: ForeignSession): IClientOptions {
  const { transport, host, port } = endpoint;
  return {
    protocol: SCHEMES[transport],
    host,
    port,
    path: '/mqtt',
    ca: readFileSync(AUTHORITY_FILE),
    protocolVersion: level,
    clientId,
    clean: false,
    reconnectPeriod: 0,
    ...(level === 5 && { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } }),
  };
}

describeForeignClient('MQTT.js', ['tcp', 'tls', 'ws', 'wss'], () => Promise.resolve(mqttJs));
