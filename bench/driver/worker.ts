/**
 * A driver process: answers the calls of the bench process, one at a time, until the channel closes.
 */
import type { CallMessage, CallName, DriverCalls, ReplyMessage } from './calls.ts';
import { Fleet } from './fleet.ts';

const fleet = new Fleet();

async function answer<Name extends CallName>(
  name: Name,
  params: DriverCalls[Name]['params'],
): Promise<DriverCalls[Name]['result']> {
  return fleet.handlers[name](params);
}

function reply(message: ReplyMessage): void {
  process.send?.(message);
}

// The only sender is driver-process.ts, compiled from the same types.
process.on('message', ({ id, name, params }: CallMessage) => {
  answer(name, params).then(
    (result) => {
      reply({ id, ok: true, result });
    },
    (error: unknown) => {
      reply({ id, ok: false, error: error instanceof Error ? error.message : String(error) });
    },
  );
});

process.on('disconnect', () => process.exit(0));
