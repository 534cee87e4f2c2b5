/**
 * Administrative changes that commands made while no broker was there to put them on the audit trail: lines of a file in the data
 * directory, which the next start of its broker takes in. One that was under way when that start failed is taken in twice.
 */
import { appendFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LOCAL_ACTIONS } from '../../audit/audit-event.ts';
import { parseTenantId, type TenantId } from '../../tenancy/identity.ts';
import { DIRECTORY_MODE, isErrno, PRIVATE_MODE } from './atomic-write.ts';

const PENDING_FILE = 'audit-pending.jsonl';
/** Some 40,000 changes; what comes on top is refused. */
const PENDING_BYTES_MAX = 16 * 1_048_576;

const pendingChange = z.strictObject({
  atMs: z.int().min(0),
  agent: z.string(),
  action: z.enum(LOCAL_ACTIONS),
  tenant: z
    .string()
    .transform((text): TenantId | undefined => parseTenantId(text))
    .optional(),
  target: z.string().optional(),
  outcome: z.enum(['begun', 'failed']),
  reason: z.string().optional(),
});
export type PendingChange = Readonly<z.output<typeof pendingChange>>;

export interface TakenChanges {
  readonly taken: number;
  /** Lines that are no change. */
  readonly unreadable: number;
}

/** Rejects with the file system's error where the directory cannot be written to. */
export async function addPendingChange(dataDirectory: string, change: PendingChange): Promise<void> {
  const file = join(dataDirectory, PENDING_FILE);
  await mkdir(dataDirectory, { recursive: true, mode: DIRECTORY_MODE });
  if ((await sizeOf(file)) > PENDING_BYTES_MAX)
    throw new Error(`${file} has more than ${PENDING_BYTES_MAX} bytes: start its broker`);
  await appendFile(file, `${JSON.stringify(change)}\n`, { mode: PRIVATE_MODE, flush: true });
}

/** `record` is given one after the other; when it rejects the rest waits for the next time. */
export async function takePendingChanges(
  dataDirectory: string,
  record: (change: PendingChange) => Promise<void>,
): Promise<TakenChanges> {
  const file = join(dataDirectory, PENDING_FILE);
  const taking = `${file}.taking`;
  let counts: TakenChanges = { taken: 0, unreadable: 0 };
  // What an earlier start did not come to the end of comes first.
  for (const next of [taking, file]) {
    if (next === file && !(await moved(file, taking))) break;
    counts = await takeLines(taking, record, counts);
  }
  return counts;
}

async function takeLines(
  file: string,
  record: (change: PendingChange) => Promise<void>,
  { taken, unreadable }: TakenChanges,
): Promise<TakenChanges> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  });
  const lines = text.split('\n').filter((line) => line !== '');
  const changes = lines.map((line) => pendingChange.safeParse(parsed(line)).data);
  for (const change of changes) if (change !== undefined) await record(change);
  await rm(file, { force: true });
  const read = changes.filter((change) => change !== undefined).length;
  return { taken: taken + read, unreadable: unreadable + lines.length - read };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Half a line: the command was cut off, and had not begun to change anything.
  }
}

async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 0;
    throw error;
  }
}
