/** What travels on the connection of two brokers: a handshake, then numbered frames one way and what became of them the other. */
import type { Incarnation } from '../../tenancy/identity.ts';
import type { PeerFrame } from '../peer-frame.ts';
import type { ProtocolRange } from './protocol-version.ts';

/** The first message of whoever dials. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: ProtocolRange;
  /** Name of the cluster: brokers of different ones do not talk. */
  readonly cluster: string;
  readonly from: Incarnation;
  /** Who is thought to listen there. */
  readonly to: Incarnation;
}

/** The first message of whoever listens. */
export interface Welcome {
  readonly type: 'welcome';
  /** Spoken from here on. */
  readonly version: number;
  /** What was received through here need not be sent again; 0: nothing was. */
  readonly resumeAfter: number;
}

export const REFUSALS = ['notReady', 'version', 'cluster', 'incarnation', 'forgotten'] as const;

/**
 * `notReady`: try again soon. `version`: no common one. `cluster`: of another cluster. `incarnation`: somebody else listens here
 * now. `forgotten`: the caller is thought to be down.
 */
export type RefusalCode = (typeof REFUSALS)[number];

/** Instead of `Welcome`; the connection ends. */
export interface Refused {
  readonly type: 'refused';
  /** undefined: of a later release. */
  readonly code: RefusalCode | undefined;
  /** For people. */
  readonly reason: string;
}

/** Somebody is there. Either way, when nothing else was sent for a while. */
export interface Ping {
  readonly type: 'ping';
}

/** Frames are numbered from 1, per sending and receiving incarnation. */
export interface NumberedFrame {
  readonly type: 'frame';
  readonly number: number;
  readonly frame: PeerFrame;
}

/** Consecutive frames that are handled, with the same reply. */
export interface HandledRun {
  readonly first: number;
  readonly count: number;
  /** Of a single frame; empty in a longer run. */
  readonly reply: Buffer;
}

/** What was handled. To be read in this order: the runs first, because a reply comes only there. */
export interface Confirmation {
  readonly type: 'confirmation';
  readonly runs: readonly HandledRun[];
  /** Everything through here is handled. */
  readonly through: number;
}

export type PeerMessage = Hello | Welcome | Refused | Ping | NumberedFrame | Confirmation;
