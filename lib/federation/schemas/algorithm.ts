import { z } from 'zod';

/**
 * How a site trains in a round, if not by federated averaging alone. FedProx (`proximal`) and FedBN (`localParameters`)
 * have fields of their own.
 */
export const algorithmSchema = z.discriminatedUnion('name', [
  z
    .strictObject({ name: z.literal('scaffold').describe('SCAFFOLD.') })
    .describe(
      "SCAFFOLD (Karimireddy et al. 2020): control variates correct each step for the difference between the site's gradient and the federation's. They are sent and merged with the weights, so that an update has twice the bytes.",
    ),
  z
    .strictObject({ name: z.literal('fedper').describe('FedPer.') })
    .describe(
      'FedPer (Arivazhagan et al. 2019): heads stay at their sites, and only the body is sent and merged. A site without targets of a task has no head for it.',
    ),
  z
    .strictObject({
      name: z.literal('ditto').describe('Ditto.'),
      lambda: z
        .number()
        .nonnegative()
        .describe(
          "Pull λ of the personal model towards the round's global model. 0: none, the site's own training. A weight whose gradient always points one way comes to rest about 1/λ away from the global model.",
        ),
    })
    .describe(
      "Ditto (Li et al. 2021): beside the global model, each site trains a personal model, which it labels and scores with and which stays in its bucket. The site's update is as without Ditto. A round takes twice the steps.",
    ),
]);
