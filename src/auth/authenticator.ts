/**
 * Who may connect and what they may do. Authentication may take I/O; authorization decides synchronously, per
 * packet, from what the principal carries.
 */
import type { ProtocolLevel } from '../mqtt/packets.ts';
import type { QoS } from '../mqtt/qos.ts';
import type { ReasonCode } from '../mqtt/reason-code.ts';
import type { ClientId, TenantId, TenantUser } from '../tenancy/identity.ts';

export interface Credentials {
  readonly tenant: TenantId;
  /** User name without its tenant; '' when none was sent. */
  readonly clientName: string;
  readonly clientId: ClientId;
  readonly password: Buffer | undefined;
  /** User that a verified client certificate names. */
  readonly certificateName: string | undefined;
  /** Of the client: see `PeerAddress`. */
  readonly address: string;
  /** Of names that say no tenant, wherever they stand: in CONNECT, in certificates, tokens, SCRAM messages; undefined: of none. */
  readonly defaultTenant: TenantId | undefined;
  readonly level: ProtocolLevel;
  /** Asked before work that has to wait its turn: the client is gone or locked out by now. Default: it is neither. */
  readonly isUnwanted?: (() => boolean) | undefined;
}

/** What a connection may do; replaced as a whole when its user is changed. */
export interface Principal {
  readonly tenant: TenantId;
  readonly clientName: string;
  /** The client proved that it is `clientName`; false for one that could have said anything. */
  readonly verified: boolean;
  /** The authenticator of the tenant's chain that let it in; undefined: the tenant has no chain. */
  readonly admittedBy?: string | undefined;
  /** What proved it ends then, and the connection with it; milliseconds since 1970. */
  readonly expiresAtMs?: number | undefined;
  /**
   * Asks once more, after word that the user was changed, what it may do: undefined when it has to log in again, because it is gone, kept
   * out, or proves itself with something else by now. Rejects with `StoreUnavailableError`. Absent: only a login can tell.
   */
  readonly lookAgain?: (() => Promise<Principal | undefined>) | undefined;
  mayPublish(topic: string, qos: QoS, retain: boolean): boolean;
  maySubscribe(filter: string, qos: QoS): boolean;
}

export type AuthResult =
  | { readonly allowed: true; readonly principal: Principal }
  | { readonly allowed: false; readonly reasonCode: ReasonCode; readonly detail: string };

export interface Authenticator {
  authenticate(credentials: Credentials): Promise<AuthResult>;
}

export type EnhancedAuthStep =
  | { readonly outcome: 'continue'; readonly data: Buffer | undefined }
  | { readonly outcome: 'allowed'; readonly principal: Principal; readonly data: Buffer | undefined }
  | { readonly outcome: 'refused'; readonly reasonCode: ReasonCode; readonly detail: string };

/** One run of an MQTT 5 enhanced authentication exchange (CONNECT, AUTH …). */
export interface EnhancedAuthExchange {
  /** Whom the client claims to be, as soon as the exchange says; undefined: CONNECT may have. */
  readonly user?: TenantUser | undefined;
  step(data: Buffer | undefined): Promise<EnhancedAuthStep>;
}

/** Hook: a method name of MQTT 5 enhanced authentication and how to run it. */
export interface EnhancedAuthenticator {
  readonly method: string;
  begin(credentials: Credentials): EnhancedAuthExchange;
}
