/** What every message of the fleet carries, so that its delivery can be accounted for wherever it turns up. */
import type { QoS } from '../mqtt/qos.ts';

export interface FleetMessage {
  /** Tells this run's messages from those of an earlier one at the same broker. */
  readonly run: string;
  readonly qos: QoS;
  readonly seq: number;
  /** `performance.now()` of the publishing process. */
  readonly sentMs: number;
  /** Its publisher was connected when it published. */
  readonly live: boolean;
}

/** `content` is what a real fleet would send; nothing here reads it back. */
export function encodeFleetMessage(
  message: FleetMessage,
  content: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({ ...message, ...content });
}

/** Undefined: not a message of any fleet. */
export function decodeFleetMessage(payload: Buffer): FleetMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
  return isFleetMessage(value) ? value : undefined;
}

function isFleetMessage(value: unknown): value is FleetMessage {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'run' in value &&
    typeof value.run === 'string' &&
    'qos' in value &&
    (value.qos === 0 || value.qos === 1 || value.qos === 2) &&
    'seq' in value &&
    Number.isSafeInteger(value.seq) &&
    'sentMs' in value &&
    typeof value.sentMs === 'number' &&
    'live' in value &&
    typeof value.live === 'boolean'
  );
}
