/**
 * The statements that are proven in `test/integration`, over TLS and both kinds of WebSockets: TCP is what these tests choose by
 * themselves. Those of `test/conformance` run over all four in any case. See `npm run conformance:transports`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { statementsNamedIn } from './statements.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const INTEGRATION = 'test/integration';
const OTHER_TRANSPORTS = ['tls', 'ws', 'wss'];

const include = readdirSync(join(root, INTEGRATION))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join(INTEGRATION, name))
  .filter((file) => statementsNamedIn(readFileSync(join(root, file), 'utf8')).length > 0);

export default defineConfig({
  test: {
    // Most of their time the tests wait.
    maxWorkers: OTHER_TRANSPORTS.length,
    projects: OTHER_TRANSPORTS.map((transport) => ({
      root,
      test: {
        name: transport,
        env: { SPOKE_TEST_TRANSPORT: transport },
        include,
        testTimeout: 120_000,
        // The sources are loaded once.
        isolate: false,
      },
    })),
  },
});
