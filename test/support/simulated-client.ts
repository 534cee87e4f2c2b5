/** An MQTT 5 client of a broker in simulated time, for tests that look at what it is sent and in which order. */
import type { Broker } from '../../src/broker/broker.ts';
import type { ConnectPacket } from '../../src/mqtt/packets.ts';
import { SimulatedLink, type Received } from './simulated-link.ts';
import { ProcessLife } from './simulated-stores.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** A clean start without anything that may be left out. */
export function connectPacket(changes: Partial<ConnectPacket> = {}): ConnectPacket {
  return {
    type: 'connect',
    level: 5,
    clientId: 'bike',
    cleanStart: true,
    keepAliveS: 0,
    userName: undefined,
    password: undefined,
    will: undefined,
    sessionExpiryS: undefined,
    receiveMaximum: 10,
    maximumPacketSize: undefined,
    topicAliasMaximum: 0,
    requestResponseInformation: false,
    requestProblemInformation: true,
    userProperties: [],
    authenticationMethod: undefined,
    authenticationData: undefined,
    ...changes,
  };
}

/** A link to the broker, a millisecond long; `received`: types and reason codes of what came, and `closed`. */
export function simulatedClient(broker: Broker, time: SimulatedTime, received: string[]): SimulatedLink {
  const link = new SimulatedLink({
    name: 'link',
    time,
    life: new ProcessLife(time),
    latencyMs: () => 1,
    outboxBytesHigh: 1_000,
    witness: () => undefined,
    onReceived: (packet: Received) =>
      received.push('reasonCode' in packet ? `${packet.type} ${packet.reasonCode}` : packet.type),
    onClosed: () => received.push('closed'),
  });
  link.attach(broker.accept(link));
  return link;
}
