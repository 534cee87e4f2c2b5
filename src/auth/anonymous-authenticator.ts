/** Lets everybody into every tenant there is, to every topic but the broker's own. For loopback and trials. */
import { REASON } from '../mqtt/reason-code.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { AuthResult, Authenticator, Credentials } from './authenticator.ts';
import { isBrokerTopic } from './topic-rights.ts';

export class AnonymousAuthenticator implements Authenticator {
  readonly #tenants: ReadonlySet<TenantId>;

  constructor(tenants: ReadonlySet<TenantId>) {
    this.#tenants = tenants;
  }

  authenticate({ tenant, clientName }: Credentials): Promise<AuthResult> {
    return Promise.resolve(
      this.#tenants.has(tenant)
        ? {
            allowed: true,
            principal: {
              tenant,
              clientName,
              verified: false,
              mayPublish: (topic) => !isBrokerTopic(topic),
              maySubscribe: () => true,
            },
          }
        : {
            allowed: false,
            reasonCode: REASON.notAuthorized,
            detail: `tenant "${tenant}" is not served here: see "tenants" in the configuration`,
          },
    );
  }
}
