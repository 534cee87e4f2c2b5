/** What one broker shows of the retained messages to somebody new, read by a client that comes for it and leaves. */
import { MqttClient } from 'mqtt';
import { decodeFleetMessage } from '../../src/fleet/fleet-message.ts';
import { RadioLink, type BrokerAddress } from '../../src/fleet/radio-link.ts';
import type { RetainedView } from '../judge/retained-watch.ts';

const READ_MS_MAX = 10_000;

let readers = 0;

/** Resolves when `wanted` topics were shown, or all that came before the deadline. Rejects when the broker does not let it in. */
export async function readRetained(
  address: BrokerAddress,
  filter: string,
  wanted: number,
): Promise<RetainedView> {
  const client = new MqttClient(() => new RadioLink(address), {
    clientId: `reader-${++readers}`,
    protocolVersion: 5,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: READ_MS_MAX,
  });
  const view = new Map<string, number>();
  try {
    await new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(resolve, READ_MS_MAX);
      const settle = (error?: Error): void => {
        clearTimeout(deadline);
        if (error === undefined) resolve();
        else reject(error);
      };
      client.on('error', settle);
      client.on('close', () => {
        settle(new Error(`${address.host}:${address.port} closed the connection`));
      });
      client.on('message', (topic, payload, { retain }) => {
        const seq = decodeFleetMessage(payload)?.seq;
        if (seq === undefined) return;
        // A live one that came meanwhile is newer than what was retained.
        if (retain || view.has(topic)) view.set(topic, seq);
        if (view.size >= wanted) settle();
      });
      client.on('connect', () => {
        if (wanted === 0) settle();
        client.subscribe(filter, { qos: 1 }, (error) => {
          if (error !== null) settle(error);
        });
      });
    });
    return view;
  } finally {
    await client.endAsync(true);
  }
}
