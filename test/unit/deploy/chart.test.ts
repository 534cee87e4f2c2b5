/** The values of the chart, their schema, and that templates use no others. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../../src/app/config.ts';
import { VERSION } from '../../../src/app/version.ts';
import { CHART, defaultValues, mergedValues, templateFiles } from '../../support/chart/chart-rendering.ts';
import { EVERYTHING } from '../../support/chart/everything.ts';
import { deployJson, deployText, deployYaml } from '../../support/deployment.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const values = defaultValues();

function valueAt(path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (at !== null && typeof at === 'object' ? (Reflect.get(at, key) as unknown) : undefined),
    values,
  );
}

describe('the values of the chart', () => {
  const valid = new Ajv({ allErrors: true }).compile(
    z.record(z.string(), z.unknown()).parse(deployJson(`${CHART}/values.schema.json`)),
  );

  it('are as their schema says, which knows every one of them', () => {
    expect(valid(values) ? [] : valid.errors).toEqual([]);
    expect(valid({ ...values, replicas: 3 })).toBe(false);
    expect(valid(mergedValues(values, EVERYTHING)) ? [] : valid.errors).toEqual([]);
  });

  it.each([
    ['a value that is not one', { brokers: { replica: 3 } }],
    ['no broker', { brokers: { replicas: 0 } }],
    ['a log that the pods would lose', { config: { eventLog: { store: 'embedded' } } }],
    ['a listener without a port', { config: { listeners: [{ transport: 'tcp', host: '0.0.0.0' }] } }],
    ['one address of all brokers', { config: { cluster: { advertise: 'spoke:7883' } } }],
    ['a broker id for all', { config: { broker: { id: 'spoke' } } }],
  ])('are refused with %s', (_what, over) => {
    expect(valid(mergedValues(values, over))).toBe(false);
  });

  it.each(templateFiles())('are all that %s uses', (file) => {
    const used = [...deployText(file).matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path = '']) => path);
    expect(used.filter((path) => valueAt(path.split('.')) === undefined)).toEqual([]);
  });

  it('configure a broker, with a password for everybody', async () => {
    const file = join(await temporaryDirectory(), 'spokemq.yaml');
    await writeFile(file, stringify(values['config']));
    const { config } = loadConfig({ file, environment: {}, workingDirectory: '/' });
    expect(config.auth.mode).toBe('file');
  });
});

it('the chart is of this release', () => {
  expect(deployYaml(`${CHART}/Chart.yaml`)).toMatchObject({ appVersion: VERSION });
});
