/** One thing the fuzzer does to a broker, as data: it can be played again, cut down, and kept in a file. */
import type { ProtocolLevel } from '../../src/mqtt/packets.ts';

/** What the connection says of itself; the model reads answers accordingly. */
export interface FuzzConnection {
  readonly level: ProtocolLevel;
}

export type FuzzStep =
  | { readonly do: 'send'; readonly connection: number; readonly hex: string }
  /** Half-closes: FIN, or a WebSocket's close frame. */
  | { readonly do: 'end'; readonly connection: number }
  /** Is gone without a word. */
  | { readonly do: 'reset'; readonly connection: number }
  /** Reads nothing until `resume`. */
  | { readonly do: 'pause'; readonly connection: number }
  | { readonly do: 'resume'; readonly connection: number }
  /** Lets the broker answer. */
  | { readonly do: 'wait' };

export interface FuzzCase {
  /** Where it came from, `bytes 42/17`: kind, seed, number. */
  readonly name: string;
  readonly connections: readonly FuzzConnection[];
  readonly steps: readonly FuzzStep[];
}

export function send(connection: number, bytes: Buffer): FuzzStep {
  return { do: 'send', connection, hex: bytes.toString('hex') };
}
