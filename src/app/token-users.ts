/** Who shows a token, as an authenticator: with the keys that the configuration names. */
import { readFile } from 'node:fs/promises';
import { CHECK_EVERY_MS, fileVersion } from '../adapters/file/file-version.ts';
import { JwtVerifier } from '../adapters/jwt/jwt-verifier.ts';
import { parseKeys, type KeySet } from '../adapters/jwt/key-set.ts';
import { KeyUrl } from '../adapters/jwt/key-url.ts';
import type { ChainAuthenticator } from '../auth/authenticator-chain.ts';
import { TokenAuthenticator } from '../auth/token-authenticator.ts';
import { withoutCredentials } from '../errors/without-credentials.ts';
import type { Clock } from '../time/clock.ts';
import type { JwtConfig } from './jwt-schema.ts';
import type { Logger } from './logging.ts';

export interface TokenUsers {
  readonly authenticator: ChainAuthenticator;
  reload(): Promise<void>;
  close(): void;
}

interface Keys {
  readonly keys: (wanted: boolean) => Promise<KeySet>;
  reload(): Promise<void>;
  close(): void;
}

const NO_KEYS: Keys = {
  keys: () => Promise.resolve({ keys: [] }),
  reload: () => Promise.resolve(),
  close: () => undefined,
};

/** Rejects when the file of keys cannot be used; a URL may be away. */
export async function openTokenUsers(jwt: JwtConfig, logger: Logger, clock: Clock): Promise<TokenUsers> {
  const keys = jwt.jwksFile === '' ? keysOfUrl(jwt, logger, clock) : await keysOfFile(jwt.jwksFile, logger);
  const verifier = new JwtVerifier({ ...jwt, clock, keys: keys.keys });
  return {
    authenticator: new TokenAuthenticator({ ...jwt, verify: verifier.verify }),
    reload: () => keys.reload(),
    close: () => {
      keys.close();
    },
  };
}

function keysOfUrl(jwt: JwtConfig, logger: Logger, clock: Clock): Keys {
  if (jwt.jwksUrl === '') return NO_KEYS;
  const url = new KeyUrl({
    ...jwt,
    url: jwt.jwksUrl,
    clock,
    onProblem: (err) => {
      logger.error(
        { err, url: withoutCredentials(jwt.jwksUrl) },
        'the keys of tokens could not be fetched: those from before stay',
      );
    },
  });
  return { ...NO_KEYS, keys: url.keys };
}

async function keysOfFile(file: string, logger: Logger): Promise<Keys> {
  let version = await fileVersion(file);
  let keys = await readKeys(file);
  const reload = async (): Promise<void> => {
    try {
      const now = await fileVersion(file);
      if (now === version) return;
      version = now;
      keys = await readKeys(file);
      logger.info({ file }, 'keys of tokens read again');
    } catch (err) {
      logger.error({ err, file }, 'keys of tokens changed but cannot be used: those from before stay');
    }
  };
  const timer = setInterval(() => void reload(), CHECK_EVERY_MS);
  timer.unref();
  return {
    keys: () => Promise.resolve(keys),
    reload,
    close: () => {
      clearInterval(timer);
    },
  };
}

async function readKeys(file: string): Promise<KeySet> {
  try {
    return parseKeys(await readFile(file, 'utf8'));
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`auth.jwt.jwksFile ${file} cannot be used: ${what}`, { cause });
  }
}
