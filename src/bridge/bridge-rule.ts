/** What a tenant's bridge rules say: which messages go to other services, and which come from them. */
import type { QoS } from '../mqtt/qos.ts';
import type { TenantId } from '../tenancy/identity.ts';

export type MessageFormat = 'json' | 'raw';

interface AnyRule {
  /** Unique among all rules of all tenants. */
  readonly name: string;
  readonly tenant: TenantId;
  /** Out: messages on topics that match are sent. In: those on any other topic are refused. */
  readonly filter: string;
  readonly format: MessageFormat;
}

interface InboundRule extends AnyRule {
  /** Where messages are published that do not say; undefined: each has to say. */
  readonly topic: string | undefined;
  /** For messages that do not say. */
  readonly qos: QoS;
  readonly retain: boolean;
}

/** At most once. */
export interface OutChannelRule extends AnyRule {
  readonly kind: 'outChannel';
  /** May hold `{topic}`, see `channel-name.ts`. */
  readonly channel: string;
}

/** At least once. */
export interface OutStreamRule extends AnyRule {
  readonly kind: 'outStream';
  readonly stream: string;
  /** Entries that the stream keeps, about; 0: all. */
  readonly lengthMax: number;
}

/** At most once. */
export interface InChannelRule extends InboundRule {
  readonly kind: 'inChannel';
  /** May hold `{topic}`. */
  readonly channel: string;
}

/** At least once. */
export interface InStreamRule extends InboundRule {
  readonly kind: 'inStream';
  readonly stream: string;
  readonly group: string;
}

export type BridgeRule = OutChannelRule | OutStreamRule | InChannelRule | InStreamRule;
