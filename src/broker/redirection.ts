/** Where clients are sent that this broker does not serve, for now or for good (MQTT 5.0, section 4.11). */
import type { REASON } from '../mqtt/reason-code.ts';

export interface Redirection {
  /** For now (0x9C) or for good (0x9D). */
  readonly reasonCode: typeof REASON.useAnotherServer | typeof REASON.serverMoved;
  /** `host:port`, or several parted by blanks; undefined: the client knows where else to go. */
  readonly serverReference: string | undefined;
}
