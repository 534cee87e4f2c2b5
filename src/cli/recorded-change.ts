/**
 * Puts what a command changes without the broker – files, topics, tables – on the audit trail: by the broker that runs with the same
 * configuration, or else in a file that its next start takes in. A command is never refused for the trail's sake: whoever may run it
 * may do the same with an editor.
 */
import { addPendingChange } from '../adapters/file/pending-changes.ts';
import type { SpokeConfig } from '../app/config-schema.ts';
import { VERSION } from '../app/version.ts';
import type { AdministrativeChange, LocalAction } from '../audit/audit-event.ts';
import type { TenantId } from '../tenancy/identity.ts';
import { AdminClient } from './admin-client.ts';
import { CommandError, type CliContext } from './cli-context.ts';

export interface LocalChange {
  readonly action: LocalAction;
  readonly tenant?: TenantId | undefined;
  readonly target?: string | undefined;
}

const REASON_CHARACTERS_MAX = 256;

/** Where the trail can be written to without a broker. */
export type DirectTrail = (change: AdministrativeChange) => Promise<void>;

type Outcome = { readonly outcome: 'begun' } | { readonly outcome: 'failed'; readonly reason: string };

/** Recorded before `work` begins, and once more when it rejects. */
export async function recorded<Result>(
  change: LocalChange,
  config: SpokeConfig,
  context: CliContext,
  work: () => Promise<Result>,
  direct?: DirectTrail,
): Promise<Result> {
  await record({ ...change, outcome: 'begun' }, config, context, direct);
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = message.slice(0, REASON_CHARACTERS_MAX);
    await record({ ...change, outcome: 'failed', reason }, config, context, direct);
    throw error;
  }
}

async function record(
  change: LocalChange & Outcome,
  config: SpokeConfig,
  context: CliContext,
  direct: DirectTrail | undefined,
): Promise<void> {
  const { user } = context;
  try {
    const admin = await AdminClient.open(config, { user, tokenFile: undefined });
    await admin.post('/api/v1/audit', change);
    return;
  } catch (error) {
    // No broker, one that is starting, or one whose token is not for us.
    if (!(error instanceof CommandError) && !isFileError(error)) throw error;
  }
  const agent = `spoke/${VERSION} (${user})`;
  if (direct !== undefined) {
    const isRecorded = await direct({ kind: 'administrativeChange', who: 'command', agent, ...change }).then(
      () => true,
      () => false, // It stays for the next start of the broker.
    );
    if (isRecorded) return;
  }
  await addPendingChange(config.dataDirectory, { atMs: Date.now(), agent, ...change }).catch(
    (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      context.stderr.write(`warning: this change is not on the audit trail: no broker answers, and ${why}\n`);
    },
  );
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
