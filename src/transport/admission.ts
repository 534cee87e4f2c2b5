/**
 * Decides, before any handshake has cost anything, whether a new connection may come in: bounded in number, in all and
 * from one address, and, by a token bucket, in rate. One instance serves all listeners.
 */
import type { BrokerLimits } from '../broker/limits.ts';
import type { Clock } from '../time/clock.ts';

/** `acceptFailed`: the system could not accept, for want of descriptors as a rule. */
export type RefusalReason =
  'connectionsMax' | 'connectionRateMax' | 'connectionsPerAddressMax' | 'acceptFailed';

export type AdmissionLimits = Pick<
  BrokerLimits,
  'connectionsMax' | 'connectionRateMax' | 'connectionsPerAddressMax'
>;

export class Admission {
  /** Admitted and not gone yet, handshakes included. */
  connections = 0;
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #onRefused: (reason: RefusalReason) => void;
  /** Connections from each place that there are any from. */
  readonly #byNetwork = new Map<string, number>();
  /** The bucket holds one second's worth, so that a quiet broker takes a burst of that size. */
  #tokens: number;
  #refilledAtMs: number;

  constructor(limits: AdmissionLimits, clock: Clock, onRefused: (reason: RefusalReason) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#onRefused = onRefused;
    this.#tokens = limits.connectionRateMax;
    this.#refilledAtMs = clock.nowMs();
  }

  /** True: admitted, and `leave` must follow once. False: refused and counted. */
  enter(): boolean {
    if (this.connections >= this.#limits.connectionsMax) {
      this.#onRefused('connectionsMax');
      return false;
    }
    this.#refill();
    if (this.#tokens < 1) {
      this.#onRefused('connectionRateMax');
      return false;
    }
    this.#tokens--;
    this.connections++;
    return true;
  }

  leave(): void {
    this.connections--;
  }

  /**
   * It is known by now where the connection comes from, see `networkOf`: true unless too many are from there, and then
   * `leaveFrom` must follow once. A refusal is counted.
   */
  enterFrom(network: string): boolean {
    const max = this.#limits.connectionsPerAddressMax;
    const others = this.#byNetwork.get(network) ?? 0;
    if (max > 0 && others >= max) {
      this.#onRefused('connectionsPerAddressMax');
      return false;
    }
    this.#byNetwork.set(network, others + 1);
    return true;
  }

  leaveFrom(network: string): void {
    const connections = this.#byNetwork.get(network) ?? 0;
    if (connections > 1) this.#byNetwork.set(network, connections - 1);
    else this.#byNetwork.delete(network);
  }

  /** The system refused in our place. */
  acceptFailed(): void {
    this.#onRefused('acceptFailed');
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    const elapsedMs = Math.max(0, nowMs - this.#refilledAtMs);
    const rate = this.#limits.connectionRateMax;
    this.#tokens = Math.min(rate, this.#tokens + (elapsedMs * rate) / 1000);
    this.#refilledAtMs = nowMs;
  }
}
