/**
 * Lets everybody into every tenant there is, to every topic but the broker's own: for loopback, for trials, and where
 * the listener lets in nobody without a certificate. Who shows one is whom it names.
 */
import { REASON } from '../mqtt/reason-code.ts';
import { parseUserName, type TenantId, type TenantUser } from '../tenancy/identity.ts';
import type { AuthResult, Authenticator, Credentials } from './authenticator.ts';
import { isBrokerTopic } from './topic-rights.ts';

/** Those that there are now. */
export type KnownTenants = Pick<ReadonlySet<TenantId>, 'has'>;

export class AnonymousAuthenticator implements Authenticator {
  readonly #tenants: KnownTenants;

  constructor(tenants: KnownTenants) {
    this.#tenants = tenants;
  }

  authenticate({ tenant, clientName, certificateName, defaultTenant }: Credentials): Promise<AuthResult> {
    const verified = certificateName !== undefined;
    if (verified && !isSameUser({ tenant, clientName }, parseUserName(certificateName, defaultTenant))) {
      return Promise.resolve({
        allowed: false,
        reasonCode: REASON.badUserNameOrPassword,
        detail: 'the user name is not the one in the client certificate',
      });
    }
    return Promise.resolve(
      this.#tenants.has(tenant)
        ? {
            allowed: true,
            principal: {
              tenant,
              clientName,
              verified,
              mayPublish: (topic) => !isBrokerTopic(topic),
              maySubscribe: () => true,
            },
          }
        : {
            allowed: false,
            reasonCode: REASON.notAuthorized,
            detail: `there is no tenant "${tenant}" here: see "spoke tenant list"`,
          },
    );
  }
}

function isSameUser(user: TenantUser, other: TenantUser | undefined): boolean {
  return user.tenant === other?.tenant && user.clientName === other.clientName;
}
