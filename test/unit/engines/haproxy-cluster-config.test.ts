import { describe, expect, it } from 'vitest';
import { renderClusterConfig } from '../../../engines/haproxy/cluster-config.ts';
import type { ClusterConfig } from '../../../engines/haproxy/cluster-config.ts';
import { SHIPPED_CONFIGS } from '../../../engines/haproxy/shipped-configs.ts';

const CONFIG: ClusterConfig = {
  fronts: [
    { name: 'mqtt', port: 1883, listener: 'tcp' },
    { name: 'mqtts', port: 8883, listener: 'tls' },
  ],
  brokers: [
    { name: 'one', host: '10.0.0.1', ports: { tcp: 1884, tls: 8884, admin: 9884 } },
    { name: 'two', host: 'fd00::2', ports: { tcp: 1885, admin: 9885 } },
  ],
  bind: '127.0.0.1',
  statsPort: 8404,
  metrics: { bind: '::1', port: 8405 },
  socketFile: '/run/haproxy.sock',
};

/** Of one section, trimmed. */
function section(text: string, title: string): string[] {
  const lines = text.split('\n');
  const from = lines.indexOf(title);
  expect(from, title).toBeGreaterThanOrEqual(0);
  const length = lines.slice(from).indexOf('');
  return lines.slice(from + 1, from + length).map((line) => line.trim());
}

describe('HAProxy before a cluster', () => {
  it.each(Object.entries(SHIPPED_CONFIGS))(
    'deploy/haproxy/%s is what is made of it; "npx vitest run THIS_FILE --update" writes it',
    async (file, config) => {
      await expect(renderClusterConfig(config)).toMatchFileSnapshot(`../../../deploy/haproxy/${file}`);
    },
  );

  it('a front leads to those brokers that have such a listener, and all follow one check', () => {
    const text = renderClusterConfig(CONFIG);
    const servers = (title: string) => section(text, title).filter((line) => line.startsWith('server '));
    expect(servers('backend readiness')).toEqual([
      'server one 10.0.0.1:9884 check',
      'server two [fd00::2]:9885 check',
    ]);
    expect(servers('backend brokers-tcp')).toEqual([
      'server one 10.0.0.1:1884 track readiness/one',
      'server two [fd00::2]:1885 track readiness/two',
    ]);
    expect(servers('backend brokers-tls')).toEqual(['server one 10.0.0.1:8884 track readiness/one']);
    expect(section(text, 'frontend mqtt')).toContain('bind 127.0.0.1:1883');
    expect(section(text, 'frontend metrics')).toContain('bind [::1]:8405');
  });

  it.each([
    [undefined, 98_903],
    [60, 690],
  ])('silence is longer than one and a half times a keep-alive of %s s', (keepAliveMaxS, tunnelS) => {
    const text = renderClusterConfig({ ...CONFIG, ...(keepAliveMaxS && { keepAliveMaxS }) });
    expect(section(text, 'defaults')).toContain(`timeout tunnel ${tunnelS}s`);
  });
});
