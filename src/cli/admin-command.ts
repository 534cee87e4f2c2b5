/** What commands that ask a running broker have in common: their options, their client, their two outputs. */
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { AdminClient } from './admin-client.ts';
import type { CliContext } from './cli-context.ts';
import { configOf, configOption } from './config-option.ts';
import type { ConfigOption } from './config-option.ts';

export interface AdminOptions extends ConfigOption {
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export interface TenantOption {
  readonly tenant?: string;
}

export interface ListOptions extends AdminOptions, TenantOption {
  readonly limit: number;
}

export function withAdminOptions(command: Command): Command {
  return command
    .addOption(configOption())
    .option('--token-file <file>', 'ask with the token in it (default: the one in the data directory)')
    .option('--json', 'print JSON');
}

export function tenantOption(): Option {
  return new Option('-t, --tenant <name>', 'tenant (default: "default")');
}

export function everyTenantOption(): Option {
  return new Option('-t, --tenant <name>', 'only this tenant');
}

const LIST_LIMIT = 100;

export function limitOption(): Option {
  return new Option('-n, --limit <number>', 'list at most so many').default(LIST_LIMIT).argParser(positive);
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It has to be a whole number from 1.');
  return value;
}

export function adminClient(options: AdminOptions, context: CliContext): Promise<AdminClient> {
  const { user, workingDirectory } = context;
  const tokenFile =
    options.tokenFile === undefined ? undefined : resolve(workingDirectory, options.tokenFile);
  return AdminClient.open(configOf(options, context).config, { user, tokenFile });
}

/** `text` for people, the value itself with `--json`. */
export function print(value: unknown, options: AdminOptions, context: CliContext, text: () => string): void {
  context.stdout.write(options.json === true ? `${JSON.stringify(value, null, 2)}\n` : text());
}

export function tellIfMore(more: boolean, { limit }: ListOptions, context: CliContext): void {
  if (more) context.stderr.write(`There are more than ${limit}: see --limit.\n`);
}
