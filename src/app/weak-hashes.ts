/** Replaces weak password hashes where users are kept, and says so when that cannot be. */
import { PasswordUpgrades, type PasswordUpgradesOptions } from '../auth/password-upgrades.ts';
import type { Timers } from '../time/clock.ts';
import type { Logger } from './logging.ts';
import type { PasswordHashing } from './password-hashing.ts';

/** `place`: where the users are, for the log. */
export function weakHashes(
  place: string,
  store: PasswordUpgradesOptions['store'],
  hashing: PasswordHashing,
  logger: Logger,
  timers: Timers,
): PasswordUpgrades {
  return new PasswordUpgrades({
    wanted: hashing.wanted,
    verifier: hashing.verifier,
    newSalt: () => hashing.newSalt(),
    store,
    onFailure: (err) => {
      logger.warn({ err, place }, 'weak password hashes could not be replaced: they stay for now');
    },
    timers,
  });
}
