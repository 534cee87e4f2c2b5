/**
 * MQTT 5 re-authentication (section 4.12.1): runs the method CONNECT was made with once more on an open
 * connection. Other packets go on meanwhile; a refusal ends the connection.
 */
import type { EnhancedAuthExchange, EnhancedAuthStep, Principal } from '../auth/authenticator.ts';
import type { AuthPacket } from '../mqtt/packets.ts';
import { ProtocolViolation, REASON, reasonName } from '../mqtt/reason-code.ts';
import type { ActiveSession } from './active-session.ts';

export class ReAuthentication {
  readonly method: string;
  readonly #begin: () => EnhancedAuthExchange;
  #exchange: EnhancedAuthExchange | undefined;

  constructor(method: string, begin: () => EnhancedAuthExchange) {
    this.method = method;
    this.#begin = begin;
  }

  onAuth(session: ActiveSession, packet: AuthPacket): void {
    const begins = packet.reasonCode === REASON.reAuthenticate;
    if (begins === (this.#exchange !== undefined)) {
      throw new ProtocolViolation(REASON.protocolError, 'AUTH: out of turn');
    }
    this.#exchange ??= this.#begin();
    this.#exchange.step(packet.authenticationData).then(
      (step) => {
        this.#answer(session, step);
      },
      (error: unknown) => {
        session.broker.log.error({ clientId: session.clientId, err: error }, 're-authentication failed');
        session.disconnect(REASON.unspecifiedError, 'administrative', 're-authentication failed');
      },
    );
  }

  #answer(session: ActiveSession, step: EnhancedAuthStep): void {
    if (session.hasEnded) return;
    if (step.outcome === 'refused') {
      const { broker, clientId, principal, link } = session;
      broker.services.audit.note({
        kind: 'refusedLogin',
        tenant: principal.tenant,
        clientName: principal.clientName,
        clientId,
        address: link.peer.address,
        method: this.method,
        reason: reasonName(step.reasonCode),
      });
      session.disconnect(step.reasonCode, 'administrative', step.detail);
      return;
    }
    if (step.outcome === 'allowed' && !isSameUser(session.principal, step.principal)) {
      // The session is the user's whom CONNECT let in: another one would inherit his messages.
      session.disconnect(REASON.notAuthorized, 'administrative', 're-authentication as another user');
      return;
    }
    if (step.outcome === 'allowed') {
      session.principal = step.principal;
      this.#exchange = undefined;
    }
    session.link.send({
      type: 'auth',
      reasonCode: step.outcome === 'allowed' ? REASON.success : REASON.continueAuthentication,
      authenticationMethod: this.method,
      ...(step.data === undefined ? {} : { authenticationData: step.data }),
    });
  }
}

function isSameUser(one: Principal, other: Principal): boolean {
  return one.tenant === other.tenant && one.clientName === other.clientName;
}
