/** Looks at every connected client again when word of changed users may have been missed: some at a time. */
import type { ActiveSession } from './active-session.ts';
import { recheckRights } from './changed-rights.ts';

/** At a time: where users are kept is to answer logins as well. */
const RECHECKS_AT_A_TIME = 200;

export class RightsSweep {
  readonly #sessions: () => Iterable<ActiveSession>;
  #underWay: Promise<void> | undefined;
  #isAskedAgain = false;

  /** `sessions`: those that are connected now. */
  constructor(sessions: () => Iterable<ActiveSession>) {
    this.#sessions = sessions;
  }

  /** Never rejects. Asked again while it is under way it begins anew behind that. */
  run(): Promise<void> {
    this.#isAskedAgain = this.#underWay !== undefined;
    this.#underWay ??= this.#run().finally(() => {
      this.#underWay = undefined;
      if (this.#isAskedAgain) void this.run();
    });
    return this.#underWay;
  }

  async #run(): Promise<void> {
    const all = [...this.#sessions()].filter(({ principal }) => principal.lookAgain !== undefined);
    for (let first = 0; first < all.length; first += RECHECKS_AT_A_TIME) {
      const some = all.slice(first, first + RECHECKS_AT_A_TIME);
      await Promise.all(some.map((session) => recheckRights(session, false)));
    }
  }
}
