/** A persistent session that takes and acknowledges everything below `audit/`: what was acknowledged to a publisher must come. */
import { generate, parser, type Packet } from 'mqtt-packet';
import { WATCHER } from './accounts.ts';
import type { Wire } from './fuzz-target.ts';
import { AUDITED } from './state-cases.ts';

const CLIENT_ID = 'the-auditor';

export class Auditor {
  readonly payloads = new Set<string>();
  readonly #reader = parser({ protocolVersion: 4 });
  #wire: Wire | undefined;
  #onReady: (() => void) | undefined;

  constructor() {
    this.#reader.on('packet', (packet) => {
      this.#receive(packet);
    });
  }

  readonly onBytes = (bytes: Buffer): void => {
    this.#reader.parse(bytes);
  };

  /** Resolves when it is subscribed. */
  begin(wire: Wire): Promise<void> {
    this.#wire = wire;
    this.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: CLIENT_ID,
      clean: false,
      keepalive: 0,
      ...WATCHER,
    });
    const topic = `${AUDITED}#`;
    this.#send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
    return new Promise((resolve) => (this.#onReady = resolve));
  }

  #receive(packet: Packet): void {
    if (packet.cmd === 'suback') this.#onReady?.();
    if (packet.cmd !== 'publish') return;
    this.payloads.add(packet.payload.toString());
    if (packet.qos === 1) this.#send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
  }

  #send(packet: Packet): void {
    this.#wire?.send(generate(packet, { protocolVersion: 4 }));
  }
}
