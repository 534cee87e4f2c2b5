/**
 * Takes over what a connected client may do by now, when its user was changed. It goes on with its new rights if what it logged in with still
 * holds; else it has to log in again, as it has when that cannot be known now.
 */
import type { Principal } from '../auth/authenticator.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { ActiveSession } from './active-session.ts';
import { withdrawSubscriptions } from './withdrawn-subscriptions.ts';

/** undefined: a login has to tell. `unknown`: so it is, and nobody could be asked. */
type RightsByNow = Principal | undefined | 'unknown';

/** `isChanged` false: nothing says that this user was changed, so the client stays if nobody can be asked. Never rejects. */
export async function recheckRights(session: ActiveSession, isChanged = true): Promise<void> {
  const recheck = { isChanged: isChanged || session.recheck?.isChanged === true };
  session.recheck = recheck;
  const principal = await rightsByNow(session);
  // A later change may have been answered first: only what was asked last counts.
  if (session.hasEnded || session.recheck !== recheck) return;
  session.recheck = undefined;
  if (principal === 'unknown' && !recheck.isChanged) return;
  if (principal === undefined || principal === 'unknown') {
    session.disconnect(REASON.administrativeAction, 'administrative', 'the user was changed: log in again');
    return;
  }
  const { will } = session.broker.registry.session(session.clientId) ?? {};
  if (will !== undefined && !principal.mayPublish(will.topic, will.qos, will.retain)) {
    // A will is judged at CONNECT: the next one leaves it out, or is refused.
    session.disconnect(
      REASON.administrativeAction,
      'administrative',
      'the user may not publish its will any more: log in again',
      { publishWill: false },
    );
    return;
  }
  session.principal = principal;
  await withdrawSubscriptions(session).catch((error: unknown) => {
    session.broker.services.onStoreError(error);
    session.disconnect(
      REASON.serverBusy,
      'storeUnavailable',
      'the end of subscriptions could not be recorded',
    );
  });
}

async function rightsByNow({ principal, broker, clientId }: ActiveSession): Promise<RightsByNow> {
  try {
    return await principal.lookAgain?.();
  } catch (error) {
    const { tenant, log } = broker;
    log.warn(
      { tenant, clientId, user: principal.clientName, err: error },
      'what the user of a connected client may do by now could not be looked up',
    );
    return 'unknown';
  }
}
