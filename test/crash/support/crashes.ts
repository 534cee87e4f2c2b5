/** The two ways to die that every crash test is run with. */
import { childVictim } from './child-victim.ts';
import { CrashRig, RANDOM_KILLS, seededFor } from './crash-rig.ts';
import { powerCutVictim } from './power-cut-victim.ts';

export interface Crash {
  /** Completes the sentence "a broker that …". */
  readonly dies: string;
  /** How often, in a test whose crashes come at random moments. */
  readonly times: number;
  /** A rig for the running test, the broker started. */
  readonly rig: (test: string) => Promise<CrashRig>;
}

/** A power cut costs no new process, so there can be more of them. */
const CUTS_PER_KILL = 3;

export const CRASHES: readonly Crash[] = [
  {
    dies: 'is killed with SIGKILL',
    times: RANDOM_KILLS,
    rig: async (test) => await CrashRig.around(seededFor(`kill ${test}`), await childVictim()),
  },
  {
    dies: 'loses power',
    times: RANDOM_KILLS * CUTS_PER_KILL,
    rig: async (test) => {
      const random = seededFor(`cut ${test}`);
      return await CrashRig.around(random, await powerCutVictim(random.fork('disk'), 'fsync'));
    },
  },
];
