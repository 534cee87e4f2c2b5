/** `spoke config check`: says whether the configuration can be used, and with `--print` what it comes to. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { CliContext } from '../cli-context.ts';
import { configOf, configOption } from '../config-option.ts';
import type { ConfigOption } from '../config-option.ts';

interface CheckOptions extends ConfigOption {
  readonly print?: boolean;
  readonly json?: boolean;
}

export function registerConfigCommand(program: Command, context: CliContext): void {
  program
    .command('config')
    .description('look at the configuration')
    .command('check')
    .description('check file and environment, without starting anything')
    .addOption(configOption())
    .option('--print', 'print the configuration with defaults and environment filled in')
    .option('--json', 'print it as JSON')
    .action((options: CheckOptions) => {
      const { config, file } = configOf(options, context);
      if (options.json === true) context.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
      else if (options.print === true) context.stdout.write(stringify(config));
      else context.stdout.write(`${file ?? 'No configuration file: the defaults'} can be used.\n`);
    });
}
