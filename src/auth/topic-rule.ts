/**
 * One line of a user's rights: `allow|deny publish|subscribe|all FILTER`. In the filter `%c` stands for the client
 * identifier, `%u` for the client name, `%t` for the tenant, `%%` for a percent sign.
 */
import { isTopicFilter } from '../mqtt/topic.ts';
import { filterLevels } from './filter-relation.ts';
import type { FilterLevels } from './filter-relation.ts';

export type TopicAction = 'publish' | 'subscribe';

export interface TopicRule {
  readonly effect: 'allow' | 'deny';
  readonly action: TopicAction | 'all';
  /** With its place-holders. */
  readonly filter: string;
}

/** A rule for one connection: place-holders filled in. */
export interface BoundRule extends Omit<TopicRule, 'filter'> {
  readonly levels: FilterLevels;
}

/** What place-holders stand for. */
export interface RuleSubject {
  readonly clientId: string;
  readonly clientName: string;
  readonly tenant: string;
}

const SYNTAX = /^(allow|deny)\s+(publish|subscribe|all)\s+(\S.*)$/;
const PLACE_HOLDER = /%(.?)/gsu;

/** The rule, or what is wrong with the text. */
export function parseTopicRule(text: string): TopicRule | { readonly problem: string } {
  const [, effect, action, filter] = SYNTAX.exec(text.trim()) ?? [];
  if (effect === undefined || action === undefined || filter === undefined)
    return { problem: 'is not of the form "allow|deny publish|subscribe|all FILTER"' };
  for (const [holder, letter] of filter.matchAll(PLACE_HOLDER))
    if (letter === undefined || !'cut%'.includes(letter) || letter === '')
      return { problem: `has the unknown place-holder "${holder}"; known are %c, %u, %t and %%` };
  if (filter.startsWith('$share/'))
    return { problem: 'names a shared subscription; write the filter behind the group' };
  if (!isTopicFilter(fill(filter, { clientId: 'c', clientName: 'u', tenant: 't' })))
    return { problem: `has "${filter}", which is not a topic filter` };
  return {
    effect: effect === 'allow' ? 'allow' : 'deny',
    action: action === 'publish' || action === 'subscribe' ? action : 'all',
    filter,
  };
}

export function usesClientId(rule: TopicRule): boolean {
  return [...rule.filter.matchAll(PLACE_HOLDER)].some(([, letter]) => letter === 'c');
}

/**
 * Whether a name may stand for a place-holder: it has to stay within its level and mean only itself, or a client
 * could choose an identifier such as `+` and reach everybody's topics.
 */
export function isSafeInFilter(name: string): boolean {
  return name !== '' && !/[+#/\0]/.test(name) && !name.startsWith('$');
}

/** Every name in `subject` that the rule uses has to be safe, see `isSafeInFilter`. */
export function bindRule(rule: TopicRule, subject: RuleSubject): BoundRule {
  const { effect, action, filter } = rule;
  return { effect, action, levels: filterLevels(fill(filter, subject)) };
}

/** One pass: a place-holder inside a name is not filled in again. */
function fill(filter: string, subject: RuleSubject): string {
  return filter.replace(PLACE_HOLDER, (_holder, letter: string) => {
    if (letter === 'c') return subject.clientId;
    if (letter === 'u') return subject.clientName;
    return letter === 't' ? subject.tenant : '%';
  });
}
