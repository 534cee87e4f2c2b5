import { mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/app/config-schema.ts';
import { WatchedCertificates } from '../../../src/app/watched-certificates.ts';
import type { TlsOptions } from '../../../src/transport/tls-handshake.ts';

let directory: string;
let watched: WatchedCertificates;
const exchanged: { index: number; tls: TlsOptions }[] = [];
const problems: string[] = [];
let exchange: (index: number, tls: TlsOptions) => void;

const file = (name: string): string => join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-certificates-'));
  exchanged.length = problems.length = 0;
  exchange = (index, tls) => exchanged.push({ index, tls });
  for (const name of ['cert', 'key', 'further-cert', 'further-key', 'ca']) await writeFile(file(name), name);
  const { listeners } = configSchema.parse({
    listeners: [
      { transport: 'tcp' },
      {
        transport: 'tls',
        tls: {
          certFile: file('cert'),
          keyFile: file('key'),
          caFile: file('ca'),
          certificates: [{ certFile: file('further-cert'), keyFile: file('further-key') }],
        },
      },
    ],
  });
  watched = await WatchedCertificates.of(listeners);
  watched.follow({
    checkEveryMs: 60_000,
    exchange: (index, tls) => {
      exchange(index, tls);
    },
    onReload: () => undefined,
    onProblem: (error) => problems.push(error.message),
  });
});

afterEach(async () => {
  watched.close();
  await rm(directory, { recursive: true });
});

describe('the TLS files of a running broker', () => {
  it('are left alone while nothing changes', async () => {
    await watched.check();
    await watched.check();
    expect(exchanged).toEqual([]);
  });

  it.each(['cert', 'key', 'further-cert', 'further-key', 'ca'])(
    'are taken over together when one changes: %s',
    async (name) => {
      await writeFile(file(name), 'new');
      await watched.check();
      await watched.check();
      expect(exchanged).toHaveLength(1);
      const content = (each: string): Buffer => Buffer.from(each === name ? 'new' : each);
      expect(exchanged[0]).toMatchObject({
        index: 1,
        tls: {
          certificate: content('cert'),
          key: content('key'),
          certificateAuthority: content('ca'),
          furtherCertificates: [{ certificate: content('further-cert'), key: content('further-key') }],
        },
      });
      expect(watched.reloads).toBe(1);
    },
  );

  it('are seen when another file takes their place, also behind a link', async () => {
    await writeFile(file('other'), 'key');
    await rename(file('other'), file('key'));
    await watched.check();
    expect(exchanged).toHaveLength(1);
    await writeFile(file('behind'), 'key');
    await unlink(file('key'));
    await symlink(file('behind'), file('key'));
    await watched.check();
    expect(exchanged).toHaveLength(2);
  });

  it('that cannot be used or read are told once, and those from before stay until they can', async () => {
    exchange = () => {
      throw new Error('key values mismatch');
    };
    await writeFile(file('cert'), 'new');
    await watched.check();
    await watched.check();
    expect(problems).toEqual(['key values mismatch']);

    exchange = (index, tls) => exchanged.push({ index, tls });
    await unlink(file('key'));
    await watched.check();
    await watched.check();
    expect(problems.slice(1)).toEqual([`listeners[1].tls.keyFile: ${file('key')} cannot be read`]);
    expect(watched.failures).toBe(2);
    expect(exchanged).toEqual([]);

    await writeFile(file('key'), 'new');
    await watched.check();
    expect(exchanged).toHaveLength(1);
  });
});
