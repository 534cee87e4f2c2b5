import { describe, expect, it } from 'vitest';
import { renderConfig } from '../../../engines/haproxy/haproxy-config.ts';

const front = { name: 'tcp', port: 11883, brokerPort: 1883, header: 'v1' } as const;

describe('the configuration of HAProxy', () => {
  it('binds nothing but loopback', () => {
    const config = renderConfig([front, { ...front, name: 'other', mode: 'http' }], 10_000);
    const binds = config.match(/^ *bind .*$/gm) ?? [];
    expect(binds).toHaveLength(3);
    for (const bind of binds) expect(bind).toMatch(/bind 127\.0\.0\.1:\d+/);
  });

  it('sends the header that is asked for', () => {
    const serverLine = (header: 'v1' | 'v2' | 'none'): string | undefined =>
      /^ *server .*$/m.exec(renderConfig([{ ...front, header }], 10_000))?.[0];
    expect(serverLine('v1')).toMatch(/ send-proxy$/);
    expect(serverLine('v2')).toMatch(/ send-proxy-v2 .*crc32c/);
    expect(serverLine('none')).not.toContain('send-proxy');
  });
});
