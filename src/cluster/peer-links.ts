/**
 * The port to other brokers: one link per peer incarnation and direction. Contract suite: `test/contract/peer-links-contract.ts`.
 *
 * While both incarnations live every frame is handled exactly once, in the order sent, however often the connection breaks;
 * a peer that is slow or away holds up nobody but itself. Whether a peer lives is the membership's to say, never the link's.
 */
import type { Incarnation } from '../tenancy/identity.ts';
import type { Endpoint, Member } from './member.ts';
import type { PeerFrame } from './peer-frame.ts';

/** `handled`: the peer says so, with its reply (empty: none, or lost with a connection). `gone`: the link was closed first. */
export type FrameOutcome = { readonly type: 'handled'; readonly reply: Buffer } | { readonly type: 'gone' };

export interface PeerLink {
  readonly peer: Member;
  /** Of the protocol: the highest that both speak. */
  readonly version: number;
  /** A connection stands and versions are agreed. */
  readonly isUp: boolean;
  /** Of frames that the peer has not said to be handled. */
  readonly unhandledBytes: number;
  /** `send` throws a `RangeError` for a frame that may have more, by `frameBytesMax` of its codec. */
  readonly frameBytesMax: number;
  /** Frames of one turn of the event loop leave in one write. `done` is called once, never within `send`. */
  send(frame: PeerFrame, done?: (outcome: FrameOutcome) => void): void;
  /** The peer is down, or this broker ends: everything that is not handled is `gone`. */
  close(): void;
}

export interface LinkListener {
  /** The connection came up, or went. */
  onState(link: PeerLink): void;
}

/** Takes the frames of all peers. */
export interface FrameHandler {
  /**
   * Called for each frame in the order sent. It counts as handled when this returns or, for a promise, when that resolves;
   * later frames do not wait for it. A rejection ends the connection, and the frame is handed over again with the next one.
   */
  onFrame(from: Incarnation, frame: PeerFrame): Promise<Buffer | undefined> | undefined;
}

export interface PeerLinks {
  /** Where peers reach this broker. */
  readonly address: Endpoint;
  /** Takes frames from now on; until then senders wait. */
  receive(handler: FrameHandler): void;
  /** Begins to connect, and again whenever the connection is lost, until the link is closed. */
  connect(peer: Member, listener: LinkListener): PeerLink;
  /** That incarnation is down: what is remembered of its frames is forgotten, its connections end. */
  forget(incarnation: Incarnation): void;
  close(): Promise<void>;
}
