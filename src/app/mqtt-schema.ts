/** The `mqtt` section of the configuration: what the protocol leaves to whoever runs the broker. */
import { z } from 'zod';
import { fill, unknownPlaceHolder } from '../auth/place-holders.ts';
import { isTopicName } from '../mqtt/topic.ts';

const EXAMPLE = { clientId: 'c', clientName: 'u', tenant: 't' };

export const mqtt = z.strictObject({
  responseInformation: z
    .string()
    .superRefine((text, context) => {
      if (text === '' || (unknownPlaceHolder(text) === undefined && isTopicName(fill(text, EXAMPLE)))) return;
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(text)} is no topic that answers could go to`,
        params: { fix: 'Use for example "responses/%c"; known are %c, %u, %t and %%' },
      });
    })
    .default('')
    .describe(
      'Where answers to a client go, told to MQTT 5 clients that ask for it, for example `responses/%c`; empty: nothing is told.',
    ),
});
