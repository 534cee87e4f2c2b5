/** Cuts a failing case down: fewer steps, then fewer bytes in each, as long as it goes on failing. */
import type { FuzzCase, FuzzStep } from './fuzz-case.ts';

/** Plays per case; each may need a broker of its own. */
const ATTEMPTS_MAX = 400;

export type Fails = (candidate: FuzzCase) => Promise<boolean>;

/** `failing` fails; so does what is returned. */
export async function minimised(failing: FuzzCase, fails: Fails): Promise<FuzzCase> {
  let left = ATTEMPTS_MAX;
  const stillFails = async (steps: readonly FuzzStep[]): Promise<boolean> =>
    left-- > 0 && (await fails({ ...failing, steps }));
  let steps = await shortest(failing.steps, stillFails);
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index];
    if (step?.do !== 'send') continue;
    const bytes = step.hex.match(/../g) ?? [];
    const kept = steps;
    const withBytes = (fewer: readonly string[]): FuzzStep[] =>
      kept.with(index, { ...step, hex: fewer.join('') });
    steps = withBytes(await shortest(bytes, (fewer) => stillFails(withBytes(fewer))));
  }
  return { ...failing, steps };
}

/** Leaves out runs of items, long ones first. */
async function shortest<Item>(
  items: readonly Item[],
  stillFails: (fewer: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[]> {
  let kept = items;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < kept.length;) {
      const fewer = [...kept.slice(0, start), ...kept.slice(start + size)];
      if (await stillFails(fewer)) kept = fewer;
      else start += size;
    }
  }
  return kept;
}
