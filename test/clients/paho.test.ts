/** Eclipse Paho for Python: `support/paho_steps.py` does what it is told with it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { pythonEnvironment } from '../support/python-environment.ts';
import { describeForeignClient, type ForeignClient, type ForeignSession } from './support/foreign-client.ts';
import { AUTHORITY_FILE } from './support/killable-broker.ts';

const run = promisify(execFile);
const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
const STEPS = fileURLToPath(new URL('support/paho_steps.py', import.meta.url));

const answerSchema = z.strictObject({ sessionPresent: z.boolean(), payloads: z.array(z.string()) });

async function paho(): Promise<ForeignClient> {
  const python = await pythonEnvironment('clients', REQUIREMENTS);
  const step = async (name: string, { endpoint, ...session }: ForeignSession, more: object = {}) => {
    const wish = { step: name, ...endpoint, ...session, authority: AUTHORITY_FILE, ...more };
    const { stdout } = await run(python, [STEPS, JSON.stringify(wish)]);
    return answerSchema.parse(JSON.parse(stdout));
  };
  return {
    leaveSession: async (session) => {
      await step('leaveSession', session);
    },
    publish: async (session, payloads) => {
      await step('publish', session, { payloads });
    },
    receive: (session, count) => step('receive', session, { count }),
  };
}

describeForeignClient('Eclipse Paho (Python)', ['tcp', 'tls', 'ws', 'wss'], paho);
