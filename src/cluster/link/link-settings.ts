/** What all links of a broker share: who it is, its bounds, and what is passed in. */
import type { Incarnation } from '../../tenancy/identity.ts';
import type { Timers } from '../../time/clock.ts';
import { FRAME_BYTES_MAX } from '../frame-bounds.ts';
import type { ProtocolRange } from '../wire/protocol-version.ts';
import type { LinkStats } from './link-stats.ts';
import type { PeerTransport } from './peer-transport.ts';

/** Every bound of the links, by name. */
export interface LinkLimits {
  /** Of one frame, with its header; other than `FRAME_BYTES_MAX` in tests only, as what is sent must be taken. */
  readonly frameBytesMax: number;
  /** From dialling to the peer's welcome, and from accepting to its hello. */
  readonly connectTimeoutMs: number;
  readonly redialFirstMs: number;
  readonly redialMaxMs: number;
  /** A connection on which nothing was sent for so long gets a ping. */
  readonly idleMs: number;
  /** A connection on which nothing came for so long is cut. */
  readonly silentMs: number;
  /** Bytes that a connection may hold unsent before nothing more is written to it. */
  readonly backlogBytesMax: number;
}

export const LINK_LIMITS: LinkLimits = {
  frameBytesMax: FRAME_BYTES_MAX,
  connectTimeoutMs: 2_000,
  redialFirstMs: 50,
  redialMaxMs: 2_000,
  idleMs: 5_000,
  silentMs: 15_000,
  backlogBytesMax: 1_048_576,
};

/** Something that people should hear of: refused, cut for nonsense, not reachable. Not told again until it changes. */
export type ReportLinkProblem = (peer: string, problem: string) => void;

export interface LinkSettings {
  readonly self: Incarnation;
  /** Brokers of another cluster are refused. */
  readonly cluster: string;
  readonly protocol: ProtocolRange;
  readonly limits: LinkLimits;
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly transport: PeerTransport;
  readonly stats: LinkStats;
  readonly report: ReportLinkProblem;
}
