/** What the links of a broker count. Plain numbers, for whoever exports them. */
export class LinkStats {
  /** Links of this broker's whose connection stands, now. */
  linksUp = 0;
  /** Connections that came up again after the first of their link. */
  reconnects = 0;
  /** A frame that is sent twice counts twice. */
  framesOut = 0;
  bytesOut = 0;
  framesIn = 0;
  bytesIn = 0;
  /** Frames that came again after a connection was lost, and were not handed over again. */
  duplicatesDropped = 0;
  /** Frames whose handler failed: they are handed over again with the next connection. */
  framesRejected = 0;
  /** Connections of peers that were refused, `not ready` included. */
  refused = 0;
  /** Connections that were cut because the peer sent what the protocol does not allow. */
  malformed = 0;
  /** Connections that were cut because the peer said nothing. */
  silent = 0;
}
