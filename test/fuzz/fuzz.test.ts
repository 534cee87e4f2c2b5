/** The fuzzer for some seconds, and every case that it has ever found something with. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FuzzCase } from './fuzz-case.ts';
import { fuzz, replay } from './fuzz-run.ts';

/** Fixed, so that every run of CI is the same run; `SPOKE_FUZZ_SEED` tries another. */
const SEED = Number(process.env['SPOKE_FUZZ_SEED'] ?? 20_240_604);
/** `SPOKE_FUZZ_SECONDS` asks for more; `npm run fuzz` for as long as one likes. */
const DURATION_MS = Number(process.env['SPOKE_FUZZ_SECONDS'] ?? 10) * 1_000;
const REGRESSIONS = new URL('regressions/', import.meta.url);

describe('a broker that is fuzzed', () => {
  it('keeps its promises, its memory and everybody else’s round trips', { timeout: 180_000 }, async () => {
    const lines: string[] = [];
    const report = await fuzz({ seed: SEED, durationMs: DURATION_MS, report: (line) => lines.push(line) });
    console.info(`seed ${SEED}: ${report.cases} cases, ${report.socketCases} of them over sockets`);
    expect(report.failure, lines.join('\n')).toBeUndefined();
    expect(report.cases).toBeGreaterThan(50);
    // Damaged packets were among them, and each is counted somewhere.
    expect(report.refusals).toBeGreaterThan(0);
  });

  it.each(readdirSync(REGRESSIONS))('gets over %s', async (file) => {
    const fuzzCase = JSON.parse(readFileSync(new URL(file, REGRESSIONS), 'utf8')) as FuzzCase;
    expect(await replay(fuzzCase)).toEqual([]);
    expect(await replay(fuzzCase, 'sockets')).toEqual([]);
    expect(await replay(fuzzCase, 'accounts')).toEqual([]);
  });
});
