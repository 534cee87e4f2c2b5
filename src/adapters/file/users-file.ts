/**
 * The users file: YAML that people and `spoke user` write. Read as a whole or not at all; what is wrong is named
 * with its place. Users without `rules` have those at the top of the file; without those they may do nothing.
 */
import { z } from 'zod';
import { parsePasswordHash } from '../../auth/password-hash.ts';
import { parseScramCredentials } from '../../auth/scram-credentials.ts';
import { parseListedUser, UserList, userText } from '../../auth/user-list.ts';
import type { User } from '../../auth/user-list.ts';
import type { TenantId, TenantUser } from '../../tenancy/identity.ts';
import { schemaProblems } from './schema-problems.ts';
import { topicRule } from './topic-rule-schema.ts';
import { formatProblem, YamlDocument } from './yaml-document.ts';
import type { Problem } from './yaml-document.ts';

// Not z.string(): its complaint about, say, a number would repeat what may be a password in clear.
const password = z.unknown().transform((text, context) => {
  const parsed = typeof text === 'string' ? parsePasswordHash(text) : undefined;
  if (parsed !== undefined) return parsed;
  context.addIssue({
    code: 'custom',
    message:
      'is not a hash of the form $scrypt$ln=15,r=8,p=1$salt$hash or $argon2id$v=19$m=19456,t=2,p=1$salt$hash',
    params: { fix: 'Set it with "spoke user passwd NAME"; the file never holds a password itself' },
  });
  return z.NEVER;
});

const scram = z.unknown().transform((text, context) => {
  const parsed = typeof text === 'string' ? parseScramCredentials(text) : undefined;
  if (parsed !== undefined) return parsed;
  context.addIssue({
    code: 'custom',
    message: 'is not of the form SCRAM-SHA-256$4096:salt$storedKey:serverKey',
    params: { fix: 'Set it with "spoke user passwd NAME --scram"; the file never holds a password itself' },
  });
  return z.NEVER;
});

/** Bytes of a secret that nobody guesses. */
const SECRET_BYTES_MIN = 16;

const scramSecret = z.unknown().transform((text, context) => {
  const secret = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
  if (secret !== undefined && secret.length >= SECRET_BYTES_MIN) return secret;
  context.addIssue({
    code: 'custom',
    message: `is not base64 of ${SECRET_BYTES_MIN} random bytes or more`,
    params: { fix: 'Remove it, and run "spoke user passwd NAME --scram" for any user: that makes one' },
  });
  return z.NEVER;
});

const usersFileSchema = z.strictObject({
  rules: z.array(topicRule).default([]),
  scramSecret: scramSecret.optional(),
  users: z
    .record(
      z.string(),
      z.strictObject({
        password: password.optional(),
        scram: scram.optional(),
        certificate: z.boolean().default(false),
        rules: z.array(topicRule).optional(),
      }),
    )
    .nullable()
    .default({}),
});

/** The users file cannot be used. The message has one line per problem. */
export class UsersFileError extends Error {
  override readonly name = 'UsersFileError';
  readonly code = 'USERS_FILE_INVALID';

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
  }
}

/** Throws `UsersFileError`. `file` names positions; `defaultTenant` is that of names without one, undefined: they are a problem. */
export function parseUsersFile(file: string, text: string, defaultTenant: TenantId | undefined): UserList {
  const document = new YamlDocument(file, text);
  if (document.syntaxProblems.length > 0) throw new UsersFileError(document.syntaxProblems);
  const value = document.value ?? {};
  const parsed = usersFileSchema.safeParse(value);
  if (!parsed.success) {
    throw new UsersFileError(
      schemaProblems(parsed.error.issues, usersFileSchema, value, (path) => document.whereIs(path)),
    );
  }
  const users = new Map<string, User>();
  const problems: Problem[] = [];
  for (const [name, entry] of Object.entries(parsed.data.users ?? {})) {
    const named = parseListedUser(name, defaultTenant);
    const problem =
      named === undefined
        ? badName(defaultTenant)
        : users.has(userText(named))
          ? listedTwice(named)
          : undefined;
    if (problem !== undefined) {
      problems.push({ where: document.whereIs(['users', name]), key: `users.${name}`, ...problem });
    } else if (named !== undefined) {
      const { password: passwordHash, scram, certificate, rules = parsed.data.rules } = entry;
      users.set(userText(named), { ...named, passwordHash, scram, certificate, rules });
      if (scram !== undefined && parsed.data.scramSecret === undefined) {
        const key = `users.${name}.scram`;
        problems.push({ where: document.whereIs(['users', name, 'scram']), key, ...NO_SECRET });
      }
    }
  }
  if (problems.length > 0) throw new UsersFileError(problems);
  return new UserList(users.values(), parsed.data.scramSecret);
}

const NO_SECRET = {
  what: 'needs a scramSecret at the top of the file, or what SCRAM asks of a name tells whether it is known',
  fix: 'Run "spoke user passwd NAME --scram", which makes one, or write 32 random bytes there, in base64',
};

function badName(defaultTenant: TenantId | undefined): Pick<Problem, 'what' | 'fix'> {
  const form = defaultTenant === undefined ? 'TENANT/NAME, as defaultTenant is empty' : 'TENANT/NAME or NAME';
  return { what: 'is not a user name', fix: `Write ${form}, without + # / and control characters in NAME` };
}

function listedTwice({ tenant }: TenantUser): Pick<Problem, 'what' | 'fix'> {
  return { what: `is listed twice: NAME and ${tenant}/NAME are one user`, fix: 'Remove one of them' };
}
