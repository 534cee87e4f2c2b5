/**
 * Word of users that were changed, as connections need it: a client that is connected is looked at again, and one whose login was under way
 * when the word came learns of it when it is connected. What is remembered has a bound; what is older counts as changed.
 */
import { userText } from '../auth/user-list.ts';
import type { TenantUser } from '../tenancy/identity.ts';

const REMEMBERED_MAX = 10_000;

export class UserChanges {
  #heard = 0;
  #forgottenThrough = 0;
  /** By user, the number of its last change; the oldest first. */
  readonly #last = new Map<string, number>();

  /** How many were heard of until now. */
  get heard(): number {
    return this.#heard;
  }

  note(user: TenantUser): void {
    const key = userText(user);
    this.#last.delete(key);
    this.#last.set(key, ++this.#heard);
    if (this.#last.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#last;
    if (oldest === undefined) return;
    this.#last.delete(oldest[0]);
    this.#forgottenThrough = oldest[1];
  }

  /** Anybody may have been changed. */
  noteAll(): void {
    this.#forgottenThrough = ++this.#heard;
    this.#last.clear();
  }

  /** Whether the user was changed after `heard` changes. */
  isSince(user: TenantUser, heard: number): boolean {
    return heard < this.#forgottenThrough || (this.#last.get(userText(user)) ?? 0) > heard;
  }
}
