import { setImmediate } from 'node:timers/promises';
import { MAX_VALIDATION_LOSS } from '../federation/schemas/common.ts';
import type { Update } from '../federation/schemas.ts';
import { createNetwork } from '../models/network.ts';
import { tf } from '../nn/tf.ts';
import { seededRandom } from '../random.ts';
import type { Weights } from '../weights/weights.ts';
import { hasHead, loadProbe, loadSiteModel } from './local-parameters.ts';
import { networkLoss } from './multi-head-loss.ts';
import { cutPatch } from './patches.ts';
import type { TrainRoundInput } from './train-round.ts';

/** What a site reports of a model. */
export type ValidationReport = NonNullable<Extract<Update, { status: 'ok' }>['validation']>;

/** Patches of a case. Two of three are aimed at its labels, as in training. */
const PATCHES = 6;

/** A round's model and the site's validation cases, whose targets are labels. */
export type ValidationInput = Pick<
  TrainRoundInput,
  'model' | 'training' | 'tasks' | 'cases' | 'body' | 'local' | 'seed'
> & { readonly global: Weights };

/**
 * The mean training loss of a model (with Ditto, of the global one) over a site's validation cases, on patches that are the
 * same in every round: without augmentation, at places that follow from seed and case. A loss that is not finite counts as
 * the largest that may be reported. Tasks whose heads stay at the sites count only where the site has one.
 *
 * @returns undefined if no case with a target of such a task can be read
 */
export async function validationLoss(input: ValidationInput): Promise<ValidationReport | undefined> {
  const { model, training, cases, seed, body, global } = input;
  const network = createNetwork(model, input.tasks, seed);
  const losses: number[] = [];
  try {
    const { local } = body ? loadProbe(network, body, global) : loadSiteModel(network, training, global, input.local);
    const tasks = input.tasks.filter((task) => hasHead(task, local, input.local));
    const options = { side: training.patch, spacing: training.spacing, augment: false };
    for (const source of cases) {
      const found = await source.load();
      if (!found || !tasks.some(({ id }) => found.targets.has(id))) continue;
      const patches = Array.from({ length: PATCHES }, (_, index) =>
        cutPatch(found, tasks, options, seededRandom('validation', seed, found.id, index)),
      );
      let sum = 0;
      for (let at = 0; at < PATCHES; at += training.batch) {
        const batch = patches.slice(at, at + training.batch);
        const loss = tf.tidy(() => networkLoss(network, batch, training.patch, training));
        sum += ((await loss.data())[0] as number) * batch.length;
        loss.dispose();
        // Batches block the thread. Signals and messages are handled between them.
        await setImmediate();
      }
      losses.push(sum / PATCHES);
    }
  } finally {
    network.dispose();
  }
  if (losses.length === 0) return undefined;
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  return { loss: bounded(mean), cases: losses.length };
}

const bounded = (loss: number): number =>
  Number.isNaN(loss) ? MAX_VALIDATION_LOSS : Math.max(-MAX_VALIDATION_LOSS, Math.min(MAX_VALIDATION_LOSS, loss));
