/** Every kind of take-over on one broker; `cluster/take-over.test.ts` has the later connection at another one. */
import { afterAll, beforeAll } from 'vitest';
import { RunningBroker } from '../support/running-broker.ts';
import { describeTakeOvers } from './support/take-over-matrix.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await RunningBroker.start();
});

afterAll(() => broker.dispose());

describeTakeOvers(() => ({ first: broker, second: broker }));
