/** One line of a user's rights: `allow|deny publish|subscribe|all FILTER`. The filter may have place-holders. */
import { isTopicFilter } from '../mqtt/topic.ts';
import { filterLevels } from './filter-relation.ts';
import type { FilterLevels } from './filter-relation.ts';
import { fill, unknownPlaceHolder, usesPlaceHolder } from './place-holders.ts';
import type { PlaceHolderSubject } from './place-holders.ts';

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

const SYNTAX = /^(allow|deny)\s+(publish|subscribe|all)\s+(\S.*)$/;

/** The rule, or what is wrong with the text. */
export function parseTopicRule(text: string): TopicRule | { readonly problem: string } {
  const [, effect, action, filter] = SYNTAX.exec(text.trim()) ?? [];
  if (effect === undefined || action === undefined || filter === undefined)
    return { problem: 'is not of the form "allow|deny publish|subscribe|all FILTER"' };
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
    filter,
  };
}

export function usesClientId(rule: TopicRule): boolean {
  return usesPlaceHolder(rule.filter, 'c');
}

/** Every name in `subject` that the rule uses has to be safe, see `isSafeInFilter`. */
export function bindRule(rule: TopicRule, subject: PlaceHolderSubject): BoundRule {
  const { effect, action, filter } = rule;
  return { effect, action, levels: filterLevels(fill(filter, subject)) };
}
