import { REASON, type ReasonCode } from '../mqtt/reason-code.ts';

/** A CONNECT that is answered with a CONNACK other than success. Not a protocol violation. */
export class ConnectRefused extends Error {
  override readonly name = 'ConnectRefused';
  readonly reasonCode: ReasonCode;
  /** See `Redirection`. */
  readonly serverReference: string | undefined;

  /** `detail` says why, for the log and the MQTT 5 reason string. */
  constructor(reasonCode: ReasonCode, detail: string, serverReference?: string) {
    super(detail);
    this.reasonCode = reasonCode;
    this.serverReference = serverReference;
  }
}

/** By the time it is answered the session is somebody else's. */
export function takenElsewhere(): ConnectRefused {
  return new ConnectRefused(REASON.serverBusy, 'the client connected elsewhere meanwhile');
}
