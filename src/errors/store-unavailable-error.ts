/** A store could not answer in time, or at all. Never turned into an acknowledgement. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly code = 'STORE_UNAVAILABLE';

  /** `store` names the part and where it is; the message says what to do. */
  constructor(store: string, advice: string, options?: { cause?: unknown }) {
    super(`${store} is unavailable: ${advice}`, options);
  }
}
