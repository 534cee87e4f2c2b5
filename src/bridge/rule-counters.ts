/** What has become of the messages of one rule on this broker. */
import type { BridgeRule } from './bridge-rule.ts';

export class RuleCounters {
  /** Sent to the bus, or published from it. */
  messages = 0;
  /** Not published: not what it should be, or refused. */
  rejected = 0;
  /** At most once: the bus was away, or too much was under way; or a stream had lost what it handed out. */
  dropped = 0;
  /** Messages that wait, as last looked at; undefined: not known, or nothing waits in this rule. */
  lag: number | undefined;
  /** This broker is the one, or one of those, that serves the rule now. */
  isServed = false;
}

export interface CountedRule {
  readonly rule: BridgeRule;
  readonly counters: RuleCounters;
}
