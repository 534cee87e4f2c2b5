/** The `auth` section of the configuration: who may connect, and what proves it. */
import { z } from 'zod';
import { ITERATIONS_MAX, ITERATIONS_MIN } from '../auth/scram-credentials.ts';

export const auth = z.strictObject({
  mode: z
    .enum(['anonymous', 'file'])
    .default('anonymous')
    .describe('`anonymous` lets everybody in; `file` asks the users file.'),
  usersFile: z.string().min(1).default('./users.yaml').describe('Users, see `spoke user`.'),
  scramIterations: z
    .int()
    .min(ITERATIONS_MIN)
    .max(ITERATIONS_MAX)
    .default(ITERATIONS_MIN)
    .describe(
      'SCRAM-SHA-256: rounds of hashing that a client does at each login; for passwords set from now on.',
    ),
});
