import { describe, expect, it } from 'vitest';
import { runProof } from '../../../chaos/command.ts';
import { FAULT_KINDS } from '../../../chaos/faults/planned-fault.ts';

/** Of command lines that start no cluster. */
async function outcomeOf(...args: readonly string[]) {
  let output = '';
  const sink = { write: (text: string) => (output += text) };
  const code = await runProof(args, {
    stdout: sink,
    stderr: sink,
    workingDirectory: '.',
    onStopSignal: () => () => undefined,
  });
  return { code, output };
}

describe('spoke prove', () => {
  it('says which faults there are', async () => {
    const { code, output } = await outcomeOf('--help');
    expect(code).toBe(0);
    for (const kind of FAULT_KINDS) expect(output.replaceAll(/\s+/g, '')).toContain(kind);
  });

  it.each([
    ['--faults', 'kill-everybody'],
    ['--minutes', '0'],
    ['--seed', 'one'],
    ['--nonsense', '1'],
  ])('refuses %s %s before it starts anything', async (option, value) => {
    const { code, output } = await outcomeOf(option, value);
    expect(code).toBe(2);
    expect(output).toContain(option);
  });
});
