/** What somebody gets who has proven to be a user, and the one answer for everybody who has not. */
import { REASON } from '../mqtt/reason-code.ts';
import type { TenantUser } from '../tenancy/identity.ts';
import type { AuthResult, Credentials, Principal } from './authenticator.ts';
import { isSafeInFilter } from './place-holders.ts';
import { RuledPrincipal } from './topic-rights.ts';
import { bindRule, usesClientId, type TopicRule } from './topic-rule.ts';

export const REFUSED: AuthResult = {
  allowed: false,
  reasonCode: REASON.badUserNameOrPassword,
  detail: 'unknown user or wrong password',
};

export function admit(
  user: TenantUser &
    Pick<Principal, 'expiresAtMs' | 'lookAgain'> & {
      readonly admittedBy: string;
      readonly rules: readonly TopicRule[];
    },
  { clientId }: Pick<Credentials, 'clientId'>,
): AuthResult {
  if (!isSafeInFilter(clientId) && user.rules.some(usesClientId)) {
    return {
      allowed: false,
      reasonCode: REASON.clientIdentifierNotValid,
      detail: 'rules of this user contain %c, so its client identifier may not contain + # / or begin with $',
    };
  }
  const { tenant, clientName } = user;
  const rules = user.rules.map((rule) => bindRule(rule, { clientId, clientName, tenant }));
  return { allowed: true, principal: new RuledPrincipal(user, rules) };
}
