/** What the will of one connection says: whose it is. */
import type { FleetWill } from '../../src/fleet/fleet-client.ts';

export interface WillMessage {
  readonly client: string;
  readonly connection: number;
}

export function willOf(topic: string, message: WillMessage): FleetWill {
  return { topic, payload: JSON.stringify(message), qos: 2 };
}

/** Undefined: it is no will of the fleet. */
export function decodeWill(payload: Buffer): WillMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('client' in value) || typeof value.client !== 'string') return undefined;
  if (!('connection' in value) || typeof value.connection !== 'number') return undefined;
  return { client: value.client, connection: value.connection };
}
