/** One run of one broker as its peers see it. */
import type { Incarnation } from '../tenancy/identity.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Member {
  readonly brokerId: string;
  readonly incarnation: Incarnation;
  /** Where peers reach it. */
  readonly peerAddress: Endpoint;
  /** Where clients reach it, `host:port`, for the server reference of MQTT 5; undefined: it does not say. */
  readonly serverReference: string | undefined;
  /** Versions of the peer protocol that it speaks, both included. */
  readonly protocol: { readonly min: number; readonly max: number };
  /** It gives its clients away and takes no new ones. */
  readonly draining: boolean;
  /** When it joined, milliseconds since 1970. */
  readonly joinedAtMs: number;
}
