/**
 * Session events: what the log records of sessions and subscriptions. Every event carries the whole truth of
 * its key, so any later event of a key makes the earlier ones superfluous.
 */
import type { ProtocolLevel } from '../mqtt/packets.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { Message } from '../queue/message.ts';
import type { Seq } from '../queue/durable-queue.ts';
import type { ClientId, Incarnation, SessionId, TenantId } from '../tenancy/identity.ts';

/** Session expiry that never comes (MQTT 5.0, 3.1.2.11.2). */
export const NEVER_EXPIRES_S = 0xffff_ffff;

/** The connection that owns a session: connections are numbered within their incarnation. */
export interface SessionOwner {
  readonly incarnation: Incarnation;
  readonly connection: number;
}

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly delayS: number;
  readonly messageExpiryS: number | undefined;
  /** Forwardable properties in wire encoding, see `Message.properties`. */
  readonly properties: Buffer;
}

export const CLOSE_REASONS = [
  'clientDisconnect',
  'clientDisconnectWithWill',
  'connectionLost',
  'keepAliveTimeout',
  'protocolError',
  'takenOver',
  'administrative',
  'quota',
  'brokerShutdown',
  'brokerDown',
  'storeUnavailable',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** The session-level state after `SessionOpened` or `SessionClosed`. */
export interface SessionState {
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
  /** User name without its tenant; '' when none was sent. */
  readonly clientName: string;
  readonly level: ProtocolLevel;
  /** undefined: nobody is connected. */
  readonly owner: SessionOwner | undefined;
  /** Seconds the session outlives its connection; 0: transient; NEVER_EXPIRES_S: for ever. */
  readonly sessionExpiryS: number;
  /** The will that is still to be published, if any. */
  readonly will: Will | undefined;
  /** Set when the session closed with a will: when it is due, milliseconds since 1970. */
  readonly willDueAtMs: number | undefined;
  /** Of the client, or what a trusted proxy said. */
  readonly address: string;
  /** When the current or last connection began, milliseconds since 1970. */
  readonly openedAtMs: number;
  /** When the last connection ended; undefined while connected. */
  readonly closedAtMs: number | undefined;
  readonly closeReason: CloseReason | undefined;
  /** The owner whose connection ended; set by `SessionClosed`, which counts only if it names the current owner. */
  readonly closedOwner: SessionOwner | undefined;
  /**
   * Highest queue position sent to the client on its last connection, 0: none. What is sent again gets DUP.
   * undefined: not known, the broker died.
   */
  readonly sentThrough: Seq | undefined;
}

export interface Subscription {
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  /** The session that subscribed: the record of an earlier session of the same client counts for nothing. */
  readonly sessionId: SessionId;
  /** As sent, `$share/{group}/` included. */
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  readonly subscriptionId: number | undefined;
}

export const SESSION_END_REASONS = ['expired', 'discarded', 'transient', 'administrative'] as const;
export type SessionEndReason = (typeof SESSION_END_REASONS)[number];

export type SessionEvent =
  | {
      readonly type: 'SessionOpened';
      readonly state: SessionState;
      /** The owner says again what was so before a record that came late: it takes the session from nobody. */
      readonly restated?: true;
    }
  | { readonly type: 'SessionClosed'; readonly state: SessionState }
  | {
      readonly type: 'SessionEnded';
      readonly tenant: TenantId;
      readonly clientId: ClientId;
      readonly reason: SessionEndReason;
      /** Who owned the session last, in the state that this ends: it counts for no other. undefined: for any, as in old logs. */
      readonly lastOwner: SessionOwner | undefined;
      /** When that owner's connection began, milliseconds since 1970. */
      readonly lastOpenedAtMs: number | undefined;
    }
  | { readonly type: 'Subscribed'; readonly subscription: Subscription }
  | {
      readonly type: 'Unsubscribed';
      readonly tenant: TenantId;
      readonly clientId: ClientId;
      readonly filter: string;
      /** The session whose subscription it was: it counts for no other. undefined: for any, as in old logs. */
      readonly sessionId: SessionId | undefined;
    };

/** Whose session or subscription the event is about. */
export function clientOf(event: SessionEvent): { readonly tenant: TenantId; readonly clientId: ClientId } {
  switch (event.type) {
    case 'SessionOpened':
    case 'SessionClosed':
      return event.state;
    case 'Subscribed':
      return event.subscription;
    case 'SessionEnded':
    case 'Unsubscribed':
      return event;
  }
}

/** The fold of `spoke.retained`: the retained message of one topic. */
export interface RetainedEvent {
  readonly tenant: TenantId;
  readonly topic: string;
  /** undefined: cleared. */
  readonly message: Message | undefined;
}
