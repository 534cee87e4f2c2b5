/**
 * Who is owed messages: a persistent session, all of them; a shared group, each once, by whichever member; a transient session,
 * what was published after its SUBACK and acknowledged while that connection stood and went on standing.
 */
import type { QoS } from '../../src/mqtt/qos.ts';

export type ReceiverKind = 'session' | 'transient' | 'group';

export class Receiver {
  readonly name: string;
  readonly kind: ReceiverKind;
  readonly grantedQos: QoS;
  #subscribedAtMs: number | undefined;

  constructor(name: string, kind: ReceiverKind, grantedQos: QoS) {
    this.name = name;
    this.kind = kind;
    this.grantedQos = grantedQos;
    this.#subscribedAtMs = kind === 'transient' ? undefined : Number.NEGATIVE_INFINITY;
  }

  /** Whether a message that left its publisher then, and is acknowledged now, has to arrive here. */
  isOwed(sentAtMs: number): boolean {
    return this.#subscribedAtMs !== undefined && sentAtMs >= this.#subscribedAtMs;
  }

  /** Within one connection of a transient session, and over all of a persistent one. MQTT promises none between members of a group. */
  get keepsOrder(): boolean {
    return this.kind !== 'group';
  }

  /** SUBACK came. */
  subscribed(atMs: number): void {
    if (this.kind === 'transient') this.#subscribedAtMs = atMs;
  }

  /** The connection is lost. */
  left(): void {
    if (this.kind === 'transient') this.#subscribedAtMs = undefined;
  }
}
