/** What the lifecycle is asked for with a CONNECT, and what it gives. */
import type { Seq } from '../queue/durable-queue.ts';
import type { OpenCommand } from '../session/decide.ts';
import type { SessionState } from '../session/events.ts';
import type { SessionId } from '../tenancy/identity.ts';

export interface OpenedSession {
  readonly sessionId: SessionId;
  readonly sessionPresent: boolean;
  /** Of the session before, when it was resumed. */
  readonly sentThrough: Seq | undefined;
  /** What it was then; undefined: it is new. */
  readonly resumed: SessionState | undefined;
}

/** What an OPEN leaves to the lifecycle: whether a new session id is needed, and the time. */
export type OpenRequest = Omit<OpenCommand, 'type' | 'newSessionId' | 'nowMs'> & {
  /** See `Principal.verified`. */
  readonly verified: boolean;
  /** The connection ended while it waited for its turn. */
  readonly isGone: () => boolean;
};
