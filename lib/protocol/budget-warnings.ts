import type { Campaign } from '../federation/schemas.ts';
import { learns } from './plan.ts';

/** Stages whose sites may train for longer than a round lasts; one sentence for each. */
export const budgetWarnings = ({ stages }: Campaign): readonly string[] =>
  stages
    .filter(learns)
    .flatMap(({ name, training: { secondsBudget }, quorum: { deadlineSeconds } }) =>
      secondsBudget === undefined || secondsBudget < deadlineSeconds
        ? []
        : [
            `${name}: a site may train for ${secondsBudget} s (secondsBudget), but a round closes after ${deadlineSeconds} s: its update comes too late. Lower secondsBudget, and leave time to load cases and to send the update.`,
          ],
    );
