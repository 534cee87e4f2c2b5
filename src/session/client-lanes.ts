/**
 * One lane per client: commands of one client run one after the other, each deciding on the state the one
 * before left behind. A lane exists only while something is in it; different clients never wait for each other.
 */
import type { ClientId } from '../tenancy/identity.ts';

export class ClientLanes {
  readonly #tails = new Map<ClientId, Promise<unknown>>();

  /** Clients with a command under way. */
  get size(): number {
    return this.#tails.size;
  }

  run<T>(clientId: ClientId, command: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(clientId);
    const outcome = before === undefined ? command() : before.then(command, command);
    this.#tails.set(clientId, outcome);
    const leave = (): void => {
      if (this.#tails.get(clientId) === outcome) this.#tails.delete(clientId);
    };
    outcome.then(leave, leave);
    return outcome;
  }

  /** Resolves when every lane that is busy now has emptied. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.allSettled(this.#tails.values());
  }
}
