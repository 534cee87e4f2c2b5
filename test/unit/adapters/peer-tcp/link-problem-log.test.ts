import { expect, test } from 'vitest';
import { LinkProblemLog } from '../../../../src/adapters/peer-tcp/link-problem-log.ts';

test('of many problems in an interval the first are told, the rest counted', () => {
  const lines: object[] = [];
  let nowMs = 5;
  const log = new LinkProblemLog({ warn: (fields) => lines.push(fields) }, () => nowMs);
  for (let n = 0; n < 50; n++) log.report(`10.0.0.1:${n}`, 'no hello within 2000 ms');
  expect(lines).toHaveLength(20);
  expect(lines.at(-1)).toEqual({ peer: '10.0.0.1:19', problem: 'no hello within 2000 ms' });
  nowMs += 10_000;
  log.report('b#1', 'nothing came for 15000 ms');
  expect(lines.slice(20)).toEqual([{ problems: 30 }, { peer: 'b#1', problem: 'nothing came for 15000 ms' }]);
});
