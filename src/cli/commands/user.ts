/** `spoke user add|passwd|remove|list`: edits the users file; a running broker takes the change over by itself. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { FileBusyError, isErrno } from '../../adapters/file/atomic-write.ts';
import { parseUsersFile, UsersFileError } from '../../adapters/file/users-file.ts';
import { UnknownUserError, UserExistsError, UsersFileEditor } from '../../adapters/file/users-file-editor.ts';
import type { NewScram } from '../../adapters/file/users-file-editor.ts';
import { usedLinks } from '../../app/auth-chains.ts';
import type { SpokeConfig } from '../../app/config-schema.ts';
import { PasswordHashing } from '../../app/password-hashing.ts';
import { tenantOrNone } from '../../app/tenant-name-schema.ts';
import { DEFAULT_COST, formatPasswordHash } from '../../auth/password-hash.ts';
import type { PasswordHash } from '../../auth/password-hash.ts';
import { saslPrepared } from '../../auth/saslprep.ts';
import { LN_MAX, LN_MIN } from '../../auth/scrypt-hash.ts';
import { deriveScramCredentials, SCRAM_SALT_BYTES } from '../../auth/scram-credentials.ts';
import { formatTopicRule } from '../../auth/topic-rule.ts';
import { parseListedUser, UserList, userText } from '../../auth/user-list.ts';
import type { User } from '../../auth/user-list.ts';
import { parseTenantId, type TenantId, type TenantUser } from '../../tenancy/identity.ts';
import { CommandError, EXIT } from '../cli-context.ts';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';
import { recorded } from '../recorded-change.ts';
import { table } from '../table.ts';

interface PasswordOptions extends ConfigOption {
  readonly passwordStdin?: boolean;
  /** Logarithm of the cost of the hash; undefined: as configured. */
  readonly cost?: number;
  readonly scram?: boolean;
}

/** What the users file gets of a password. */
interface NewPassword {
  readonly passwordHash: PasswordHash;
  readonly scram: NewScram | undefined;
}

const SCRAM_SECRET_BYTES = 32;

interface AddOptions extends PasswordOptions {
  readonly rule?: readonly string[];
  readonly certificate?: boolean;
}

interface ChangedOptions extends ConfigOption {
  readonly tenant?: string;
}

export function registerUserCommand(program: Command, context: CliContext): void {
  const user = program.command('user').description('manage the users file');

  user
    .command('add <name>')
    .description('add a user, TENANT/NAME or NAME of defaultTenant')
    .addOption(configOption())
    .option('--password-stdin', 'read the password from standard input')
    .addOption(costOption())
    .addOption(scramOption())
    .option('--certificate', 'let a client certificate of this name in without a password')
    .option('--rule <rule...>', 'rights, first match decides: "allow|deny publish|subscribe|all FILTER"')
    .action((name: string, options: AddOptions) => add(name, options, context));

  user
    .command('passwd <name>')
    .description('change the password of a user')
    .addOption(configOption())
    .option('--password-stdin', 'read the password from standard input')
    .addOption(costOption())
    .addOption(scramOption())
    .action(async (name: string, options: PasswordOptions) => {
      const { editor, named, config } = editing(name, options, context);
      const withScram = options.scram === true || (await explained(editor.hasScram(named)));
      const { passwordHash, scram } = await newPassword(options, withScram, config, context);
      const change = { action: 'user.password', ...subject(named) } as const;
      await recorded(change, config, context, () =>
        explained(editor.setPassword(named, passwordHash, scram)),
      );
      context.stdout.write(`${userText(named)}: password changed in ${editor.file}\n`);
    });

  user
    .command('hash')
    .description('print the hash of a password, for users in a database')
    .addOption(configOption())
    .option('--password-stdin', 'read the password from standard input')
    .addOption(costOption())
    .action(async (options: PasswordOptions) => {
      const { config } = configOf(options, context);
      const { passwordHash } = await newPassword(options, false, config, context);
      context.stdout.write(`${formatPasswordHash(passwordHash)}\n`);
    });

  user
    .command('changed [name]')
    .description(
      'tell all brokers over Redis that a user in the database was changed, or the rules of a tenant',
    )
    .addOption(configOption())
    .option('--tenant <tenant>', 'all users of this tenant instead of one')
    .action((name: string | undefined, options: ChangedOptions) => changed(name, options, context));

  user
    .command('remove <name>')
    .description('remove a user')
    .addOption(configOption())
    .action(async (name: string, options: ConfigOption) => {
      const { editor, named, config } = editing(name, options, context);
      const change = { action: 'user.remove', ...subject(named) } as const;
      await recorded(change, config, context, () => explained(editor.remove(named)));
      context.stdout.write(`${userText(named)}: removed from ${editor.file}\n`);
    });

  user
    .command('list')
    .description('list users and their rights')
    .addOption(configOption())
    .option('--json', 'print JSON')
    .action((options: ConfigOption & { readonly json?: boolean }) => list(options, context));
}

/** Of the audit trail. */
function subject(user: TenantUser): { readonly tenant: TenantId; readonly target: string } {
  return { tenant: user.tenant, target: userText(user) };
}

async function add(name: string, options: AddOptions, context: CliContext): Promise<void> {
  const { editor, named, config } = editing(name, options, context);
  const certificate = options.certificate === true;
  const withPassword = !certificate || options.passwordStdin === true;
  const password = withPassword
    ? await newPassword(options, options.scram === true, config, context)
    : { passwordHash: undefined, scram: undefined };
  const change = { action: 'user.add', ...subject(named) } as const;
  const rules = await recorded(change, config, context, () =>
    explained(editor.add({ user: named, ...password, certificate, rules: options.rule })),
  );
  const rights = rules === undefined ? 'the rules at the top of the file' : rules.join('; ');
  context.stdout.write(`${userText(named)}: added to ${editor.file} with ${rights}\n`);
  if (!usedLinks(config).has('file'))
    context.stderr.write(
      'Nobody is asked for a password yet: set auth.mode to "file" and restart the broker.\n',
    );
  if (!config.tenants.includes(named.tenant))
    context.stderr.write(
      `Tenant "${named.tenant}" is not in the configuration: unless it is there, create it with "spoke tenant create ${named.tenant}".\n`,
    );
}

async function changed(
  name: string | undefined,
  options: ChangedOptions,
  context: CliContext,
): Promise<void> {
  const { config } = configOf(options, context);
  const who = changedOf(name, options, config);
  const { cache } = config.auth;
  if (!cache.redis.enabled)
    throw new CommandError('auth.cache.redis is not enabled: there is nobody to tell.', EXIT.usage);
  const { tellOfChange } = await import('../../app/user-changes.ts');
  const about = typeof who === 'string' ? { tenant: who } : subject(who);
  await recorded({ action: 'user.changed', ...about }, config, context, () =>
    tellOfChange(cache, who).catch((cause: unknown) => {
      const age = `The change counts after auth.cache.ttlMs, ${cache.ttlMs} ms`;
      throw new CommandError(`Redis could not be told: ${String(cause)}. ${age}.`, EXIT.failure, { cause });
    }),
  );
  const whom = typeof who === 'string' ? `all users of ${who}` : userText(who);
  context.stdout.write(`${whom}: every broker looks them up again\n`);
}

function changedOf(
  name: string | undefined,
  { tenant: text }: ChangedOptions,
  config: SpokeConfig,
): TenantUser | TenantId {
  if ((name === undefined) === (text === undefined))
    throw new CommandError('Name one user, or a tenant with --tenant.', EXIT.usage);
  if (name !== undefined) return userNamed(name, config);
  const tenant = parseTenantId(text ?? '');
  if (tenant === undefined) throw new CommandError(`${JSON.stringify(text)} is no tenant.`, EXIT.usage);
  return tenant;
}

async function list(options: ConfigOption & { readonly json?: boolean }, context: CliContext): Promise<void> {
  const { config } = configOf(options, context);
  const users = [...(await explained(usersOf(config)))].map((user) => ({
    name: userText(user),
    password: user.passwordHash !== undefined,
    scram: user.scram !== undefined,
    certificate: user.certificate,
    rules: user.rules.map(formatTopicRule),
  }));
  if (options.json === true) {
    context.stdout.write(`${JSON.stringify(users, null, 2)}\n`);
    return;
  }
  const columns = [
    { title: 'USER', value: (user: (typeof users)[number]) => user.name },
    { title: 'LOGS IN BY', value: loginText },
    { title: 'RULES', value: (user: (typeof users)[number]) => user.rules.join('; ') },
  ];
  context.stdout.write(table(columns, users));
}

function loginText(ways: {
  readonly password: boolean;
  readonly scram: boolean;
  readonly certificate: boolean;
}): string {
  const names = (['password', 'scram', 'certificate'] as const).filter((name) => ways[name]);
  return names.length === 0 ? '-' : names.join(', ');
}

async function usersOf({ auth: { usersFile }, defaultTenant }: SpokeConfig): Promise<Iterable<User>> {
  try {
    return parseUsersFile(usersFile, await readFile(usersFile, 'utf8'), tenantOrNone(defaultTenant));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return new UserList([]);
    throw error;
  }
}

function editing(
  name: string,
  options: ConfigOption,
  context: CliContext,
): { readonly editor: UsersFileEditor; readonly named: TenantUser; readonly config: SpokeConfig } {
  const { config } = configOf(options, context);
  const editor = new UsersFileEditor(config.auth.usersFile, tenantOrNone(config.defaultTenant));
  return { editor, named: userNamed(name, config), config };
}

function userNamed(name: string, config: SpokeConfig): TenantUser {
  const defaultTenant = tenantOrNone(config.defaultTenant);
  const named = parseListedUser(name, defaultTenant);
  if (named !== undefined) return named;
  const what = `${JSON.stringify(name)} is no user name`;
  const form = defaultTenant === undefined ? 'TENANT/NAME, as defaultTenant is empty' : 'TENANT/NAME or NAME';
  throw new CommandError(`${what}: use ${form}, without + # / in NAME.`, EXIT.usage);
}

async function newPassword(
  options: PasswordOptions,
  withScram: boolean,
  config: SpokeConfig,
  context: CliContext,
): Promise<NewPassword> {
  const password =
    options.passwordStdin === true
      ? (await context.readStdin()).replace(/\r?\n$/, '')
      : await askTwice(context);
  if (password === '')
    throw new CommandError('The password is empty: choose one of at least one character.', EXIT.usage);
  return {
    scram: withScram ? await newScram(password, config) : undefined,
    passwordHash: await newHash(password, options, config),
  };
}

async function newHash(
  password: string,
  { cost }: PasswordOptions,
  { auth }: SpokeConfig,
): Promise<PasswordHash> {
  const hashing = await PasswordHashing.open(auth);
  try {
    const chosen = cost === undefined ? undefined : { ...DEFAULT_COST, ln: cost };
    return await hashing.hash(Buffer.from(password), chosen);
  } finally {
    await hashing.close();
  }
}

async function newScram(password: string, config: SpokeConfig): Promise<NewScram> {
  const prepared = saslPrepared(password);
  if (prepared === undefined)
    throw new CommandError('SCRAM takes no password with control characters in it.', EXIT.usage);
  const salt = randomBytes(SCRAM_SALT_BYTES);
  return {
    credentials: await deriveScramCredentials(prepared, salt, config.auth.scramIterations),
    secret: randomBytes(SCRAM_SECRET_BYTES),
  };
}

function scramOption(): Option {
  return new Option('--scram', 'let MQTT 5 clients log in by SCRAM-SHA-256 too, with the same password');
}

function costOption(): Option {
  const description = 'hash with scrypt, rounds as a power of two, whatever auth.passwords says';
  return new Option('--cost <ln>', description).argParser((text) => {
    const ln = Number(text);
    if (Number.isInteger(ln) && ln >= LN_MIN && ln <= LN_MAX) return ln;
    throw new InvalidArgumentError(`It has to be a whole number from ${LN_MIN} to ${LN_MAX}.`);
  });
}

async function askTwice(context: CliContext): Promise<string> {
  const password = await context.askSecret('Password: ');
  if (password === undefined)
    throw new CommandError('There is no terminal to ask for the password: use --password-stdin.', EXIT.usage);
  if (password !== (await context.askSecret('Once more: ')))
    throw new CommandError('The two passwords differ: nothing was changed.', EXIT.usage);
  return password;
}

/** Failures of the users file in its own words, without a stack. */
async function explained<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof UsersFileError) throw new CommandError(cause.message, EXIT.usage, { cause });
    if (
      cause instanceof UnknownUserError ||
      cause instanceof UserExistsError ||
      cause instanceof FileBusyError
    )
      throw new CommandError(`${cause.message}.`, EXIT.failure, { cause });
    throw cause;
  }
}
