/** What one connection may publish and subscribe, from its rules: the first that applies decides, none denies. */
import { parseShare } from '../mqtt/topic.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { Principal } from './authenticator.ts';
import { covers, filterLevels, overlaps } from './filter-relation.ts';
import type { BoundRule } from './topic-rule.ts';

/** Topics of the broker itself: nobody publishes there, whatever the rules say. */
export function isBrokerTopic(topic: string): boolean {
  return topic.startsWith('$SYS') && (topic.length === 4 || topic[4] === '/');
}

export class RuledPrincipal implements Principal {
  readonly tenant: TenantId;
  readonly clientName: string;
  readonly verified = true;
  readonly #publishRules: readonly BoundRule[];
  readonly #subscribeRules: readonly BoundRule[];
  // Devices publish to the same topic over and over.
  #lastTopic = '';
  #lastAnswer = false;

  constructor(tenant: TenantId, clientName: string, rules: readonly BoundRule[]) {
    this.tenant = tenant;
    this.clientName = clientName;
    this.#publishRules = rules.filter((rule) => rule.action !== 'subscribe');
    this.#subscribeRules = rules.filter((rule) => rule.action !== 'publish');
  }

  mayPublish(topic: string): boolean {
    if (topic !== this.#lastTopic) {
      this.#lastAnswer = !isBrokerTopic(topic) && this.#publishRight(topic);
      this.#lastTopic = topic;
    }
    return this.#lastAnswer;
  }

  #publishRight(topic: string): boolean {
    const levels = filterLevels(topic);
    return this.#publishRules.find((rule) => covers(rule.levels, levels))?.effect === 'allow';
  }

  /**
   * The filter is judged as the set of its topics: an allowing rule has to contain all of them, a denying rule
   * applies as soon as it shares one. So no wildcard reaches around a rule.
   */
  maySubscribe(filter: string): boolean {
    const levels = filterLevels(parseShare(filter)?.filter ?? filter);
    const decisive = this.#subscribeRules.find((rule) =>
      rule.effect === 'allow' ? covers(rule.levels, levels) : overlaps(rule.levels, levels),
    );
    return decisive?.effect === 'allow';
  }
}
