/**
 * The membership port: which brokers are alive, and whether this one may still act. Contract suite:
 * `test/contract/membership-contract.ts`.
 *
 * A broker joins before it writes its first record to the event log, so an owner on the log that is not among the members
 * of a read begun later is dead. A member that has lost its place knows it before anybody else is told `MemberDown` of it.
 */
import type { Member } from './member.ts';

export type MemberEvent =
  | { readonly type: 'MemberUp'; readonly member: Member }
  /** Same incarnation, told something new of itself: it drains. */
  | { readonly type: 'MemberChanged'; readonly member: Member }
  | { readonly type: 'MemberDown'; readonly member: Member };

export interface Membership {
  readonly self: Member;

  /** Who is alive as far as has been heard; self included until the place is lost or given up. */
  members(): readonly Member[];

  /** Who is alive, read after the call was made. Events for what is new have been told before it resolves. Rejects with `StoreUnavailableError`. */
  refresh(): Promise<readonly Member[]>;

  /** Told of every change after the call. Returns how to stop. */
  follow(listener: (event: MemberEvent) => void): () => void;

  /** Tells everybody that this broker drains; `false`: that it does no more. The last call counts. */
  drain(isDraining: boolean): Promise<void>;

  /** Nobody can act for this broker yet. Cheap: asked before every acknowledgement; false for good once it was false. */
  readonly holdsPlace: boolean;

  /** Calls back once when the place is lost, with a reason for people; at once when it is already. Not called after `leave`. */
  onLost(listener: (reason: string) => void): void;

  /** Gives the place up: others are told at once. Resolves when nothing is left open. */
  leave(): Promise<void>;
}
