/** What logging in costs and who is kept out, for the metrics page. */
import type { LoginGuard } from '../auth/login-guard.ts';
import type { PasswordUpgrades } from '../auth/password-upgrades.ts';
import type { PasswordVerifier } from '../auth/password-verifier.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';

export function loginGauges(guard: LoginGuard, verifier: PasswordVerifier): GaugeSource[] {
  return [
    {
      name: 'spoke_logins_failed_total',
      help: 'Logins refused for a wrong password, an unknown user or another proof that does not hold.',
      type: 'counter',
      read: () => guard.failures,
    },
    {
      name: 'spoke_logins_locked_out_total',
      help: 'Logins refused unseen, because their user or address was locked out.',
      type: 'counter',
      read: () => guard.turnedAway,
    },
    {
      name: 'spoke_lock_outs_total',
      help: 'Users and addresses locked out for too many wrong logins.',
      type: 'counter',
      read: () => guard.lockOuts,
    },
    {
      name: 'spoke_login_failures_tracked',
      help: 'Users and addresses whose wrong logins are remembered.',
      type: 'gauge',
      read: () => guard.tracked,
    },
    {
      name: 'spoke_password_hashes_waiting',
      help: 'Logins that wait for their password to be hashed.',
      type: 'gauge',
      read: () => verifier.waiting,
    },
  ];
}

/** `all`: of every place that users are kept at. */
export function upgradeGauges(all: readonly PasswordUpgrades[]): GaugeSource[] {
  return [
    {
      name: 'spoke_passwords_upgraded_total',
      help: 'Passwords hashed again with the cost that is configured by now.',
      type: 'counter',
      read: () => all.reduce((sum, { upgraded }) => sum + upgraded, 0),
    },
    {
      name: 'spoke_password_upgrades_failed_total',
      help: 'Password hashes that could not be replaced; tried again at another login.',
      type: 'counter',
      read: () => all.reduce((sum, { failed }) => sum + failed, 0),
    },
  ];
}
