/** A peer sent bytes that the agreed version of the protocol does not allow: its connection is cut. */
export class PeerFormatError extends Error {
  override readonly name = 'PeerFormatError';
  readonly code = 'PEER_FORMAT';
}
