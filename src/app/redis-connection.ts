/** How a Redis is reached, as a section of the configuration has it. */
import type { RedisConnectionOptions } from '../adapters/redis/redis-connection.ts';
import type { ClientTls } from './client-tls-schema.ts';
import { readTlsFiles } from './tls-files.ts';

type RedisSection = Omit<RedisConnectionOptions, 'tls'> & { readonly tls: ClientTls };

/** `section`: its name. Throws an `Error` that names the key and the file when one cannot be read. */
export function redisConnection<Section extends RedisSection>(
  section: string,
  config: Section,
): Omit<Section, 'tls'> & Pick<RedisConnectionOptions, 'tls'> {
  const { enabled, serverName } = config.tls;
  const tls = enabled
    ? {
        ...readTlsFiles(`${section}.tls`, config.tls),
        ...(serverName === '' ? {} : { servername: serverName }),
      }
    : undefined;
  return { ...config, tls };
}
