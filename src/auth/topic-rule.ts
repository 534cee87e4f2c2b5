/**
 * One line of a user's rights: `allow|deny publish|subscribe|all FILTER`, with conditions in parentheses behind the action where they are
 * wanted, `allow publish(qos<=1 no-retain) FILTER`. The filter may have place-holders.
 */
import type { QoS } from '../mqtt/qos.ts';
import { isTopicFilter } from '../mqtt/topic.ts';
import { filterLevels } from './filter-relation.ts';
import type { FilterLevels } from './filter-relation.ts';
import { fill, unknownPlaceHolder, usesPlaceHolder } from './place-holders.ts';
import type { PlaceHolderSubject } from './place-holders.ts';

export type TopicAction = 'publish' | 'subscribe';

/** What else has to hold for a rule to apply; a rule that does not apply is passed over, whatever its effect. */
export interface RuleConditions {
  readonly qosMin: QoS;
  readonly qosMax: QoS;
  /** undefined: either. Subscriptions have none. */
  readonly retain: boolean | undefined;
}

export interface TopicRule {
  readonly effect: 'allow' | 'deny';
  readonly action: TopicAction | 'all';
  readonly conditions: RuleConditions;
  /** With its place-holders. */
  readonly filter: string;
}

/** A rule for one connection: place-holders filled in. */
export interface BoundRule extends Omit<TopicRule, 'filter'> {
  readonly levels: FilterLevels;
}

export const UNCONDITIONAL: RuleConditions = { qosMin: 0, qosMax: 2, retain: undefined };

const SYNTAX = /^(allow|deny)\s+(publish|subscribe|all)(?:\(([^)]*)\))?\s+(\S.*)$/;

/** The rule, or what is wrong with the text. */
export function parseTopicRule(text: string): TopicRule | { readonly problem: string } {
  const [, effect, action, conditionText, filter] = SYNTAX.exec(text.trim()) ?? [];
  if (effect === undefined || action === undefined || filter === undefined)
    return { problem: 'is not of the form "allow|deny publish|subscribe|all FILTER"' };
  const conditions = conditionText === undefined ? UNCONDITIONAL : parseConditions(conditionText);
  if (conditions === undefined)
    return {
      problem: `has the conditions "(${conditionText ?? ''})"; known are qos<=N, qos>=N, retain and no-retain`,
    };
  if (conditions.retain !== undefined && action === 'subscribe')
    return { problem: 'has a condition on retain, which subscriptions do not have' };
  const unknown = unknownPlaceHolder(filter);
  if (unknown !== undefined)
    return { problem: `has the unknown place-holder "${unknown}"; known are %c, %u, %t and %%` };
  if (filter.startsWith('$share/'))
    return { problem: 'names a shared subscription; write the filter behind the group' };
  if (!isTopicFilter(fill(filter, { clientId: 'c', clientName: 'u', tenant: 't' })))
    return { problem: `has "${filter}", which is not a topic filter` };
  return {
    effect: effect === 'allow' ? 'allow' : 'deny',
    action: action === 'publish' || action === 'subscribe' ? action : 'all',
    conditions,
    filter,
  };
}

/** As it is parsed. */
export function formatTopicRule({ effect, action, conditions, filter }: TopicRule): string {
  const { qosMin, qosMax, retain } = conditions;
  const words = [
    ...(qosMin > 0 ? [`qos>=${qosMin}`] : []),
    ...(qosMax < 2 ? [`qos<=${qosMax}`] : []),
    ...(retain === undefined ? [] : [retain ? 'retain' : 'no-retain']),
  ];
  return `${effect} ${action}${words.length === 0 ? '' : `(${words.join(' ')})`} ${filter}`;
}

export function usesClientId(rule: TopicRule): boolean {
  return usesPlaceHolder(rule.filter, 'c');
}

/** Every name in `subject` that the rule uses has to be safe, see `isSafeInFilter`. */
export function bindRule(rule: TopicRule, subject: PlaceHolderSubject): BoundRule {
  const { effect, action, conditions, filter } = rule;
  return { effect, action, conditions, levels: filterLevels(fill(filter, subject)) };
}

/** Whether the conditions hold. `retain` undefined: of a subscription. */
export function applies(
  { qosMin, qosMax, retain: wanted }: RuleConditions,
  qos: QoS,
  retain?: boolean,
): boolean {
  if (qos < qosMin || qos > qosMax) return false;
  return wanted === undefined || retain === undefined || wanted === retain;
}

/** undefined: a word that is no condition, one that is said twice, or no word at all. */
function parseConditions(text: string): RuleConditions | undefined {
  const words = text.trim().split(/\s+/);
  const seen = new Set<string>();
  let conditions = UNCONDITIONAL;
  for (const word of words) {
    const [, relation, level] = /^qos(<=|>=)([012])$/.exec(word) ?? [];
    const kind = relation ?? 'retain';
    if (seen.has(kind)) return undefined;
    seen.add(kind);
    if (relation === '<=') conditions = { ...conditions, qosMax: Number(level) as QoS };
    else if (relation === '>=') conditions = { ...conditions, qosMin: Number(level) as QoS };
    else if (word === 'retain' || word === 'no-retain')
      conditions = { ...conditions, retain: word === 'retain' };
    else return undefined;
  }
  return conditions;
}
