import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/app/config.ts';
import { configKeys, listenerKeys } from '../../../src/app/config-keys.ts';
import { configReference } from '../../../src/app/config-reference.ts';

const root = new URL('../../../', import.meta.url);

function textOf(file: string): string {
  return readFileSync(new URL(file, root), 'utf8');
}

describe('the keys of the configuration', () => {
  it('have a default, a description and a variable of their own', () => {
    const keys = configKeys();
    expect(keys.filter(({ description, fallback }) => description === '' || fallback === undefined)).toEqual(
      [],
    );
    expect(new Set(keys.map(({ variable }) => variable)).size).toBe(keys.length);
    expect(keys.find(({ name }) => name === 'limits.packetBytesMax')).toMatchObject({
      variable: 'SPOKE_LIMITS_PACKET_BYTES_MAX',
      fallback: 1024 * 1024,
    });
  });

  it('of a listener are described too, with a default per transport', () => {
    expect(listenerKeys().filter(({ description }) => description === '')).toEqual([]);
    const port = listenerKeys().find(({ name }) => name === 'port');
    expect(Object.fromEntries(port?.fallbacks ?? [])).toEqual({ tcp: 1883, tls: 8883, ws: 8083, wss: 8084 });
  });
});

describe('docs/configuration.md', () => {
  it('holds what "spoke config keys --markdown" prints', () => {
    const [, documented] =
      /<!-- keys:.*-->\n([^]*)<!-- \/keys -->/.exec(textOf('docs/configuration.md')) ?? [];
    expect(documented).toBe(configReference());
  });
});

describe('spokemq.example.yaml', () => {
  it('is the defaults, every key of them', () => {
    const file = new URL('spokemq.example.yaml', root).pathname;
    const workingDirectory = root.pathname;
    const example = loadConfig({ file, environment: {}, workingDirectory });
    const nowhere = new URL('test/unit/app/', root).pathname;
    const defaults = loadConfig({ file: undefined, environment: {}, workingDirectory: nowhere });
    expect({ ...example.config, dataDirectory: '', auth: '' }).toEqual({
      ...defaults.config,
      dataDirectory: '',
      auth: '',
    });
    const text = textOf('spokemq.example.yaml');
    for (const { description } of configKeys()) expect(text).toContain(description);
  });
});
