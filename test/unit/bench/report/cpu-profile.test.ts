import { expect, it } from 'vitest';
import { type CpuProfile, hotSpots } from '../../../../bench/report/cpu-profile.ts';

const node = (id: number, functionName: string) => ({
  id,
  callFrame: { functionName, url: 'file:///somewhere/dist/src/a.js', lineNumber: 9 },
});

const idleFrame = { functionName: '(idle)', url: '', lineNumber: -1 };

const PROFILE: CpuProfile = {
  nodes: [
    node(1, 'outside'),
    node(2, 'within'),
    node(3, 'also'),
    { ...node(4, '(idle)'), callFrame: idleFrame },
  ],
  startTime: 0,
  samples: [1, 2, 2, 3, 4, 1],
  timeDeltas: [1000, 1000, 2000, 1000, 1000, 2000],
};

it('sums self time over the busy part of the phase only', () => {
  const spots = hotSpots([PROFILE], { name: 'phase', fromMs: 1.5, toMs: 6.5 }, 10);
  expect(spots).toEqual([
    { where: 'within (src/a.js:10)', part: 3 / 4 },
    { where: 'also (src/a.js:10)', part: 1 / 4 },
  ]);
});
