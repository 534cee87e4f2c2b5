/**
 * What one connection may publish and subscribe, from its rules: the first that applies decides, none denies. Decided from memory,
 * within the packet's turn.
 */
import type { QoS } from '../mqtt/qos.ts';
import { parseShare } from '../mqtt/topic.ts';
import type { TenantId, TenantUser } from '../tenancy/identity.ts';
import type { Principal } from './authenticator.ts';
import { covers, filterLevels, overlaps } from './filter-relation.ts';
import { applies, type BoundRule } from './topic-rule.ts';

/** Topics of the broker itself: nobody publishes there, whatever the rules say. */
export function isBrokerTopic(topic: string): boolean {
  return topic.startsWith('$SYS') && (topic.length === 4 || topic[4] === '/');
}

export class RuledPrincipal implements Principal {
  readonly tenant: TenantId;
  readonly clientName: string;
  readonly verified = true;
  readonly expiresAtMs: number | undefined;
  readonly lookAgain: Principal['lookAgain'];
  readonly admittedBy: string | undefined;
  readonly #publishRules: readonly BoundRule[];
  readonly #subscribeRules: readonly BoundRule[];
  // Devices publish to the same topic over and over.
  #lastTopic = '';
  #lastQoS: QoS = 0;
  #lastRetain = false;
  #lastAnswer = false;

  constructor(
    user: TenantUser & Pick<Principal, 'expiresAtMs' | 'lookAgain' | 'admittedBy'>,
    rules: readonly BoundRule[],
  ) {
    this.tenant = user.tenant;
    this.clientName = user.clientName;
    this.expiresAtMs = user.expiresAtMs;
    this.lookAgain = user.lookAgain;
    this.admittedBy = user.admittedBy;
    this.#publishRules = rules.filter((rule) => rule.action !== 'subscribe');
    this.#subscribeRules = rules.filter((rule) => rule.action !== 'publish');
  }

  mayPublish(topic: string, qos: QoS, retain: boolean): boolean {
    if (topic !== this.#lastTopic || qos !== this.#lastQoS || retain !== this.#lastRetain) {
      this.#lastAnswer = !isBrokerTopic(topic) && this.#publishRight(topic, qos, retain);
      this.#lastTopic = topic;
      this.#lastQoS = qos;
      this.#lastRetain = retain;
    }
    return this.#lastAnswer;
  }

  #publishRight(topic: string, qos: QoS, retain: boolean): boolean {
    const levels = filterLevels(topic);
    const decisive = this.#publishRules.find(
      (rule) => applies(rule.conditions, qos, retain) && covers(rule.levels, levels),
    );
    return decisive?.effect === 'allow';
  }

  /**
   * The filter is judged as the set of its topics: an allowing rule has to contain all of them, a denying rule
   * applies as soon as it shares one. So no wildcard reaches around a rule.
   */
  maySubscribe(filter: string, qos: QoS): boolean {
    const levels = filterLevels(parseShare(filter)?.filter ?? filter);
    const decisive = this.#subscribeRules.find(
      (rule) =>
        applies(rule.conditions, qos) &&
        (rule.effect === 'allow' ? covers(rule.levels, levels) : overlaps(rule.levels, levels)),
    );
    return decisive?.effect === 'allow';
  }
}
