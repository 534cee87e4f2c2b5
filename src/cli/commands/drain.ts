/**
 * `spoke drain`: the running broker takes no clients any more and asks those that it has to go elsewhere. Shows how far that is, and
 * returns when nobody is connected. `spoke drain --stop` calls it off.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { DrainRequest, DrainStatus } from '../../admin/admin-port.ts';
import { BrokerAwayError } from '../admin-client.ts';
import type { AdminClient } from '../admin-client.ts';
import { adminClient, print, withAdminOptions } from '../admin-command.ts';
import type { AdminOptions } from '../admin-command.ts';
import type { CliContext } from '../cli-context.ts';
import { durationMs } from '../duration.ts';

const PATH = '/api/v1/drain';
const ASK_EVERY_MS = 500;
/** Between two lines where lines stay. */
const LINE_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\u001b[2K';

interface DrainOptions extends AdminOptions {
  readonly rate?: number;
  readonly notice?: number;
  readonly to?: string;
  readonly moved?: boolean;
  readonly shutdown?: boolean;
  readonly force?: boolean;
  readonly stop?: boolean;
  /** `--no-wait` */
  readonly wait: boolean;
}

export function registerDrainCommand(program: Command, context: CliContext): void {
  const command = program
    .command('drain')
    .description('give the clients of the running broker away, at a rate, and take no new ones');
  withAdminOptions(command)
    .option('--rate <clients>', 'clients asked to leave per second (default: 100)', clientsPerSecond)
    .option(
      '--notice <time>',
      'first serve everybody for so long, for load balancers to notice (default: 3s)',
      noticeMs,
    )
    .option(
      '--to <host:port>',
      'where MQTT 5 clients are told to go (default: one of the other brokers, if they say where)',
    )
    .option('--moved', 'tell MQTT 5 clients that it is for good (0x9D), not for now (0x9C)')
    .option('--shutdown', 'then stop the broker')
    .option('--force', 'also when no other broker takes clients')
    .option('--no-wait', 'return at once')
    .option('--stop', 'call the drain off: who is still there stays')
    .action((options: DrainOptions) => run(options, context));
}

async function run(options: DrainOptions, context: CliContext): Promise<void> {
  const admin = await adminClient(options, context);
  if (options.stop === true) {
    const status = await admin.delete<DrainStatus>(PATH, {});
    print(status, options, context, () => `Serving again, ${clients(status.connected)} connected.\n`);
    return;
  }
  const begun = await admin.post<DrainStatus>(PATH, requestOf(options));
  if (!options.wait) {
    print(begun, options, context, () => `Draining, ${clients(begun.connected)} connected.\n`);
    return;
  }
  const last = await untilOver(admin, begun, options, context);
  print(last, options, context, () =>
    last.phase === 'serving'
      ? `The drain was called off, ${clients(last.connected)} connected.\n`
      : `Drained: ${clients(last.moved ?? 0)} asked to leave, nobody is connected.\n`,
  );
}

/** What is not said is the broker's to choose. */
function requestOf({ rate, notice, to, moved, shutdown, force }: DrainOptions): Partial<DrainRequest> {
  return {
    ...(rate === undefined ? {} : { ratePerS: rate }),
    ...(notice === undefined ? {} : { noticeMs: notice }),
    ...(to === undefined ? {} : { serverReference: to }),
    ...(moved === undefined ? {} : { moved }),
    ...(shutdown === undefined ? {} : { shutdown }),
    ...(force === undefined ? {} : { force }),
  };
}

/** Until nobody is connected, somebody calls it off, or the broker has stopped as it was asked to. */
async function untilOver(
  admin: AdminClient,
  begun: DrainStatus,
  { shutdown }: DrainOptions,
  { stderr }: CliContext,
): Promise<DrainStatus> {
  let status = begun;
  let shownAtMs = -Infinity;
  while (status.phase !== 'empty' && status.phase !== 'serving') {
    const nowMs = performance.now();
    if (stderr.isTerminal) {
      stderr.write(CLEAR_LINE + progressText(status));
    } else if (nowMs - shownAtMs >= LINE_EVERY_MS) {
      stderr.write(`${progressText(status)}\n`);
      shownAtMs = nowMs;
    }
    await sleep(ASK_EVERY_MS);
    try {
      status = await admin.get<DrainStatus>(PATH);
    } catch (error) {
      if (shutdown !== true || !(error instanceof BrokerAwayError)) throw error;
      status = { ...status, phase: 'empty', connected: 0 };
    }
  }
  if (stderr.isTerminal) stderr.write(CLEAR_LINE);
  return status;
}

function progressText({ phase, connected, moved = 0, ratePerS = 0 }: DrainStatus): string {
  if (phase === 'notice')
    return `not ready any more, and serving everybody a while longer · ${clients(connected)} connected`;
  const seconds = Math.ceil(connected / Math.max(1, ratePerS));
  return `${moved.toLocaleString('en')} asked to leave · ${clients(connected)} connected · about ${seconds} s to go`;
}

function clients(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'client' : 'clients'}`;
}

function clientsPerSecond(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It has to be a whole number from 1.');
}

/** `0` too: nobody is given notice. */
function noticeMs(text: string): number {
  return text === '0' ? 0 : durationMs(text);
}
