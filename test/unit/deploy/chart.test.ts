/** What can be said of the chart without Helm: its values, their schema, and that templates use no others. */
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../../src/app/config.ts';
import { VERSION } from '../../../src/app/version.ts';
import { deployJson, deployPath, deployText, deployYaml } from '../../support/deployment.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const values = z.looseObject({ config: z.unknown() }).parse(deployYaml('helm/spokemq/values.yaml'));
const templates = readdirSync(deployPath('helm/spokemq/templates')).map(
  (name) => `helm/spokemq/templates/${name}`,
);

function valueAt(path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (at !== null && typeof at === 'object' ? (Reflect.get(at, key) as unknown) : undefined),
    values,
  );
}

describe('the values of the chart', () => {
  const valid = new Ajv({ allErrors: true }).compile(
    z.record(z.string(), z.unknown()).parse(deployJson('helm/spokemq/values.schema.json')),
  );

  it('are as their schema says, which knows every one of them', () => {
    expect(valid(values) ? [] : valid.errors).toEqual([]);
    expect(valid({ ...values, replicas: 3 })).toBe(false);
  });

  it.each(templates)('are all that %s uses', (file) => {
    const used = [...deployText(file).matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path = '']) => path);
    expect(used.filter((path) => valueAt(path.split('.')) === undefined)).toEqual([]);
  });

  it('configure a broker, with a password for everybody', async () => {
    const file = join(await temporaryDirectory(), 'spokemq.yaml');
    await writeFile(file, stringify(values.config));
    const { config } = loadConfig({ file, environment: {}, workingDirectory: '/' });
    expect(config.auth.mode).toBe('file');
  });
});

it('the chart is of this release', () => {
  expect(deployYaml('helm/spokemq/Chart.yaml')).toMatchObject({ appVersion: VERSION });
});
