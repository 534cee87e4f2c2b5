/** Ties devices to the ledger: what a message carries so that its delivery can be booked. */
import type { Ledger, Stream } from '../../../src/fleet/ledger.ts';
import type { QoS } from '../../../src/mqtt/qos.ts';
import type { Device } from './device.ts';

const PAYLOAD = /^(?<qos>[012]) (?<seq>\d+)$/;

/** Books everything the device receives on a topic of the ledger; anything else is one of its problems. */
export function bookDeliveries(device: Device, ledger: Ledger): void {
  device.onMessage = (topic, payload, packet) => {
    const parts = PAYLOAD.exec(payload)?.groups;
    const qos = qosOf(parts?.['qos']);
    const stream = ledger.stream(topic, qos);
    if (parts === undefined || stream === undefined) {
      device.problems.push(`${device.clientId}: "${payload}" on ${topic} was never published`);
      return;
    }
    if (packet.qos !== qos) {
      device.problems.push(`${device.clientId}: ${topic} ${payload} came with QoS ${packet.qos}`);
    }
    stream.delivered(device.clientId, Number(parts['seq']));
  };
}

/** Publishes the next message of the stream; resolves when the broker has answered. */
export async function publishNext(device: Device, stream: Stream): Promise<void> {
  const seq = stream.publish();
  const qos = stream.qos === 2 ? 2 : 1;
  const acknowledged = await device.publish(stream.topic, `${qos} ${seq}`, qos);
  if (acknowledged) stream.acknowledged(seq);
  else stream.refused(seq);
}

/** Keeps `window` messages of the stream on their way until `signal` aborts; resolves when all are answered. */
export async function publishSteadily(
  device: Device,
  stream: Stream,
  window: number,
  signal: AbortSignal,
): Promise<void> {
  const lane = async () => {
    while (!signal.aborted) await publishNext(device, stream);
  };
  await Promise.all(Array.from({ length: window }, lane));
}

function qosOf(text: string | undefined): QoS {
  return text === '2' ? 2 : text === '1' ? 1 : 0;
}
