/**
 * Turns at what only so many may do at a time. Tenants take them one after the other, and within a tenant who came first goes first, so that
 * nobody waits behind another tenant's fleet. So many may wait in all; beyond that the tenant that has most waiting loses its last one.
 */

/** true: it is one's turn. false: there are too many. */
type Waiter = (isTurn: boolean) => void;

export class FairTurns {
  readonly #atATime: number;
  readonly #waitingMax: number;
  /** By tenant, in the order of their next turns; none is empty. */
  readonly #lanes = new Map<string, Waiter[]>();
  #waiting = 0;
  #underWay = 0;

  constructor(atATime: number, waitingMax: number) {
    this.#atATime = atATime;
    this.#waitingMax = waitingMax;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves to whether it is one's turn; `leave` must follow once if it is. */
  async enter(tenant: string): Promise<boolean> {
    if (this.#underWay < this.#atATime) {
      this.#underWay++;
      return true;
    }
    if (this.#waiting >= this.#waitingMax && !this.#makeRoomFor(tenant)) return false;
    return new Promise((resolve) => {
      const lane = this.#lanes.get(tenant);
      if (lane === undefined) this.#lanes.set(tenant, [resolve]);
      else lane.push(resolve);
      this.#waiting++;
    });
  }

  /** Hands the turn on, or frees it. */
  leave(): void {
    const [next] = this.#lanes;
    if (next === undefined) {
      this.#underWay--;
      return;
    }
    const [tenant, lane] = next;
    const waiter = lane.shift();
    this.#lanes.delete(tenant);
    if (lane.length > 0) this.#lanes.set(tenant, lane);
    this.#waiting--;
    waiter?.(true);
  }

  #makeRoomFor(tenant: string): boolean {
    let longest: Waiter[] = [];
    for (const lane of this.#lanes.values()) if (lane.length > longest.length) longest = lane;
    // Who comes must not have more waiting by then than whom it takes the place of.
    if (longest.length <= (this.#lanes.get(tenant)?.length ?? 0) + 1) return false;
    this.#waiting--;
    longest.pop()?.(false);
    return true;
  }
}
