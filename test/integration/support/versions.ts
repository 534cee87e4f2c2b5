/** The protocol versions that behaviours are tested on, and what the same wish looks like in each of them. */
import type { IConnectPacket } from 'mqtt-packet';

export interface Version {
  readonly version: string;
  readonly level: 3 | 4 | 5;
}

export const MQTT_3_1: Version = { version: 'MQTT 3.1', level: 3 };
export const MQTT_3_1_1: Version = { version: 'MQTT 3.1.1', level: 4 };
export const MQTT_5: Version = { version: 'MQTT 5', level: 5 };

export const VERSIONS: readonly Version[] = [MQTT_3_1, MQTT_3_1_1, MQTT_5];

const HOUR_S = 3600;

/** CONNECT of a session that outlives its connection, resumed if it is there. */
export function persistent(
  { level }: Pick<Version, 'level'>,
  sessionExpiryInterval: number = HOUR_S,
): Partial<IConnectPacket> {
  return level === 5 ? { clean: false, properties: { sessionExpiryInterval } } : { clean: false };
}

let clients = 0;

/** A client identifier that no other test has. */
export function newClientId(name = 'client'): string {
  return `${name}-${++clients}`;
}
