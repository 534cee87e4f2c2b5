import { expect, it } from 'vitest';
import { type CpuProfile, hotSpots } from '../../../../bench/report/cpu-profile.ts';

const node = (id: number, functionName: string) => ({
  id,
  callFrame: { functionName, url: 'file:///somewhere/dist/src/a.js', lineNumber: 9 },
});

const PROFILE: CpuProfile = {
  nodes: [node(1, 'before'), node(2, 'within')],
  startTime: 0,
  samples: [1, 2, 2, 1],
  timeDeltas: [1000, 1000, 1000, 2000],
};

it('sums self time over the phase only', () => {
  const spots = hotSpots([PROFILE], { name: 'phase', fromMs: 1.5, toMs: 4.5 }, 10);
  expect(spots).toEqual([{ where: 'within (src/a.js:10)', part: 2 / 3 }]);
});
