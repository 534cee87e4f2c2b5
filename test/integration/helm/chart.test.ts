/** The chart as Helm itself has it: good by its lint, refused with values that are none, and rendered as the tests without Helm render it. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { CHART, RELEASE, renderedChart, type Values } from '../../support/chart/chart-rendering.ts';
import { EVERYTHING } from '../../support/chart/everything.ts';
import { deployPath, yamlDocuments } from '../../support/deployment.ts';
import { helmBinary } from '../../support/helm-binary.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1_048_576;

async function helm(...parameters: string[]): Promise<string> {
  const { stdout } = await run(helmBinary() ?? 'helm', parameters, { maxBuffer: OUTPUT_BYTES_MAX });
  return stdout;
}

async function renderedByHelm(over: Values): Promise<unknown[]> {
  const file = join(await temporaryDirectory(), 'values.yaml');
  await writeFile(file, stringify(over));
  const where = [RELEASE.name, deployPath(CHART), '--namespace', RELEASE.namespace, '--values', file];
  return yamlDocuments(await helm('template', ...where)).filter((document) => document !== null);
}

/** In one order, and without the digest of the configuration, which is of a text and not of what it says. */
function comparable(manifests: readonly unknown[]): string[] {
  return manifests
    .map((made) => stringify(made, { sortMapEntries: true, aliasDuplicateObjects: false }))
    .map((text) => text.replaceAll(/(checksum\/config: )"?[0-9a-f]{64}"?/g, '$1…'))
    .sort();
}

it('passes the lint, warnings included', async () => {
  await helm('lint', '--strict', deployPath(CHART));
});

it.each([
  ['a value that is not one', 'brokers.replica=3'],
  ['a log that the pods would lose', 'config.eventLog.store=embedded'],
])('refuses %s', async (_what, setting) => {
  await expect(helm('template', RELEASE.name, deployPath(CHART), '--set', setting)).rejects.toThrow(/schema/);
});

it.each([
  ['as it is', {}],
  ['with everything on', EVERYTHING],
])('is rendered %s as the tests without Helm render it', async (_what, over) => {
  expect(comparable(renderedChart(over))).toEqual(comparable(await renderedByHelm(over)));
});
