/**
 * What one connected client uses of the rates it is given. Above a rate in it is read no further, above a rate out it gets
 * nothing new; both until there are tokens again. Costs a comparison per packet where no rate is set.
 */
import type { ClientId } from '../tenancy/identity.ts';
import { Meter } from './meter.ts';
import type { Measure, TenantQuota } from './tenant-quota.ts';
import { bucketOf } from './token-bucket.ts';

/** What a quota sees of a connection and does to it. */
export interface MeteredLink {
  /** Of whole packets taken from the client so far. */
  readonly bytesReceived: number;
  /** Of packets to the client so far, sent or waiting for its socket. */
  readonly bytesSent: number;
  pauseReading(reason: 'quota'): void;
  resumeReading(reason: 'quota'): void;
}

export class ClientQuota {
  readonly #tenant: TenantQuota;
  readonly #link: MeteredLink;
  readonly #clientId: ClientId;
  #publishes: Meter | undefined;
  #bytesIn: Meter | undefined;
  #bytesOut: Meter | undefined;
  #bytesReceived: number;
  #bytesSent: number;
  #holdsReading = false;
  #holdsDelivery = false;
  /** Delivery may go on. */
  #onDelivery = ignore;

  constructor(tenant: TenantQuota, link: MeteredLink, clientId: ClientId) {
    this.#tenant = tenant;
    this.#link = link;
    this.#clientId = clientId;
    this.#bytesReceived = link.bytesReceived;
    this.#bytesSent = link.bytesSent;
    this.changed();
  }

  /** Delivery that waits for this quota is gone on with by `onDelivery`. */
  follow(onDelivery: () => void): void {
    this.#onDelivery = onDelivery;
  }

  /** Nothing new is to be sent to the client. */
  get holdsDelivery(): boolean {
    return this.#holdsDelivery;
  }

  /** A packet came in. */
  received(isPublish: boolean): void {
    if (isPublish) this.#publishes?.spend(1);
    if (this.#bytesIn === undefined) return;
    const { bytesReceived } = this.#link;
    this.#bytesIn.spend(bytesReceived - this.#bytesReceived);
    this.#bytesReceived = bytesReceived;
  }

  /** A message went out. Acknowledgements sent since the last one count now. */
  sent(): void {
    if (this.#bytesOut === undefined) return;
    const { bytesSent } = this.#link;
    this.#bytesOut.spend(bytesSent - this.#bytesSent);
    this.#bytesSent = bytesSent;
  }

  /** The tenant's limits are others now. Whoever waited goes on, and waits again if it has to. */
  changed(): void {
    this.#publishes = this.#meter('publishes', this.#publishes);
    this.#bytesIn = this.#meter('bytesIn', this.#bytesIn);
    this.#bytesOut = this.#meter('bytesOut', this.#bytesOut);
    this.#bytesReceived = this.#link.bytesReceived;
    this.#bytesSent = this.#link.bytesSent;
    this.#update();
  }

  /** The connection has ended. */
  end(): void {
    for (const meter of [this.#publishes, this.#bytesIn, this.#bytesOut]) meter?.end();
    this.#publishes = this.#bytesIn = this.#bytesOut = undefined;
    this.#onDelivery = ignore;
  }

  #meter(measure: Measure, before: Meter | undefined): Meter | undefined {
    before?.end();
    const { names, rateOfClient, shared } = this.#tenant.rates[measure];
    if (rateOfClient === Infinity && shared === undefined) return undefined;
    return new Meter({
      names,
      own: bucketOf(rateOfClient, this.#tenant.nowMs(), before?.own),
      shared,
      wakes: this.#tenant.wakes,
      nowMs: this.#tenant.nowMs,
      onHeld: (quota) => {
        this.#tenant.exceeded(quota, this.#clientId);
        this.#update();
      },
      onReleased: () => {
        this.#update();
      },
    });
  }

  #update(): void {
    const holdsReading = this.#publishes?.isHeld === true || this.#bytesIn?.isHeld === true;
    if (holdsReading !== this.#holdsReading) {
      this.#holdsReading = holdsReading;
      this.#tenant.readingHeld += holdsReading ? 1 : -1;
      if (holdsReading) this.#link.pauseReading('quota');
      else this.#link.resumeReading('quota');
    }
    const holdsDelivery = this.#bytesOut?.isHeld === true;
    if (holdsDelivery === this.#holdsDelivery) return;
    this.#holdsDelivery = holdsDelivery;
    this.#tenant.deliveryHeld += holdsDelivery ? 1 : -1;
    if (!holdsDelivery) this.#onDelivery();
  }
}

function ignore(): void {
  // Nobody waits.
}
