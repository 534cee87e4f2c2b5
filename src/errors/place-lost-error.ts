/** Others may be acting for this broker: it writes nothing more, so that trying again is of no use. */
import { StoreUnavailableError } from './store-unavailable-error.ts';

export class PlaceLostError extends StoreUnavailableError {
  constructor(store: string) {
    super(store, 'this broker has lost its place among its peers and writes nothing more');
  }
}
