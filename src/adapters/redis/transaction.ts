/** MULTI and EXEC: all of it or nothing. */
import type { ChainableCommander } from 'ioredis';

/** Resolves with the answers when all of it was done; rejects with the first error of a command otherwise. */
export async function committed(transaction: ChainableCommander): Promise<readonly unknown[]> {
  const answers = await transaction.exec().catch((error: unknown) => {
    throw causeOf(error);
  });
  if (answers === null) throw new Error('the transaction was given up');
  return answers.map(([error, answer]) => {
    if (error !== null) throw error;
    return answer;
  });
}

/** Why a command was not even taken: EXEC itself does not say. */
function causeOf(error: unknown): unknown {
  const causes: unknown =
    error instanceof Error && 'previousErrors' in error ? error.previousErrors : undefined;
  const [first] = Array.isArray(causes) ? (causes as unknown[]) : [];
  return first ?? error;
}
