/** Which users of a list are others in its next version: what they prove themselves with, or what they may do. */
import { formatPasswordHash } from './password-hash.ts';
import { formatScramCredentials } from './scram-credentials.ts';
import { formatTopicRule } from './topic-rule.ts';
import type { User, UserList } from './user-list.ts';

/** Those that are gone and those that are new among them. */
export function changedUsers(before: UserList, after: UserList): readonly User[] {
  const gone = [...before].filter((user) => after.find(user) === undefined);
  const others = [...after].filter((user) => {
    const known = before.find(user);
    return known === undefined || text(known) !== text(user);
  });
  return [...gone, ...others];
}

function text({ passwordHash, scram, certificate, rules }: User): string {
  return JSON.stringify([
    passwordHash && formatPasswordHash(passwordHash),
    scram && formatScramCredentials(scram),
    certificate,
    rules.map(formatTopicRule),
  ]);
}
