/** Packet identifiers of one client: 1 to 65,535, none given out twice at a time. */

const PACKET_ID_MAX = 65_535;

export class PacketIds {
  readonly #taken = new Set<number>();
  #last = 0;

  take(): number {
    do this.#last = (this.#last % PACKET_ID_MAX) + 1;
    while (this.#taken.has(this.#last));
    this.#taken.add(this.#last);
    return this.#last;
  }

  release(id: number): void {
    this.#taken.delete(id);
  }
}
