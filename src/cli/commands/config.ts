/**
 * `spoke config check`: says whether the configuration can be used, and with `--print` what it comes to.
 * `spoke config keys`: every key there is.
 */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { configKeys } from '../../app/config-keys.ts';
import type { ConfigKey } from '../../app/config-keys.ts';
import { configReference } from '../../app/config-reference.ts';
import { withoutSecrets } from '../../app/config-secrets.ts';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';
import { table } from '../table.ts';
import type { Column } from '../table.ts';

interface CheckOptions extends ConfigOption {
  readonly print?: boolean;
  readonly json?: boolean;
}

export function registerConfigCommand(program: Command, context: CliContext): void {
  const command = program.command('config').description('look at the configuration');

  command
    .command('check')
    .description('check file and environment, without starting anything')
    .addOption(configOption())
    .option('--print', 'print the configuration with defaults and environment filled in, passwords left out')
    .option('--json', 'print it as JSON')
    .action((options: CheckOptions) => {
      const { config, file } = configOf(options, context);
      const shown = withoutSecrets(config);
      if (options.json === true) context.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
      else if (options.print === true) context.stdout.write(stringify(shown));
      else context.stdout.write(`${file ?? 'No configuration file: the defaults'} can be used.\n`);
    });

  command
    .command('keys')
    .description('list every key with its environment variable, default and meaning')
    .option('--markdown', 'as in docs/configuration.md')
    .option('--json', 'print JSON')
    .action((options: { readonly markdown?: boolean; readonly json?: boolean }) => {
      if (options.markdown === true) context.stdout.write(configReference());
      else if (options.json === true) context.stdout.write(`${JSON.stringify(configKeys(), null, 2)}\n`);
      else context.stdout.write(table(KEY_COLUMNS, configKeys()));
    });
}

const KEY_COLUMNS: readonly Column<ConfigKey>[] = [
  { title: 'KEY', value: ({ name }) => name },
  { title: 'VARIABLE', value: ({ variable }) => variable },
  {
    title: 'DEFAULT',
    value: ({ fallback }) => (typeof fallback === 'string' ? fallback : JSON.stringify(fallback)),
  },
  { title: 'MEANING', value: ({ description }) => description },
];
