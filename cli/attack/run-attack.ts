import { join } from 'node:path';
import { createCache } from '../../gpu-tasks/cache.ts';
import { heldOutCases, openSiteData, trainingCases } from '../../gpu-tasks/site-data.ts';
import { trainingSchema } from '../../lib/federation/schemas.ts';
import { decodePackage, type TrainedModel } from '../../lib/models/package.ts';
import { loadBackend } from '../../lib/nn/backend.ts';
import { type CaseSource, preparationOf } from '../../lib/training/cases.ts';
import { type Imitated, trainShadow } from '../../lib/training/shadow-models.ts';
import { duration } from '../campaign/times.ts';
import { writeFiles } from '../export/write-files.ts';
import { printJson } from '../print-json.ts';
import { progressLine } from '../progress-line.ts';
import { readInput } from '../read-input.ts';
import { openSite } from '../site/site-view.ts';
import { attackText } from './attack-text.ts';
import type { AttackFlags } from './flags.ts';
import { attackInversion } from './inversion.ts';
import { attackMembership } from './membership.ts';
import { picturePage } from './picture.ts';

const SEED = 1;
const CACHE_BYTES = 512 * 2 ** 20;
/** Steps that the time of the others is estimated from. The first takes longer. */
const TRIED_STEPS = 4;

/** Runs the attacks and says what they found. */
export async function runAttack(site: string, flags: AttackFlags): Promise<void> {
  const model = decodePackage(readInput(flags.model), flags.model);
  const { store } = await openSite(site, flags);
  await loadBackend();
  const imitated = imitatedBy(model, flags);
  const data = openSiteData(store, createCache(CACHE_BYTES), () => undefined, model.origin.campaign);
  const how = preparationOf(imitated.training);
  const log = () => undefined;
  const members = (await trainingCases(data, model.tasks, how, undefined, log)).cases;
  const progress = progressLine();
  const isAsked = (attack: NonNullable<AttackFlags['only']>) => (flags.only ?? attack) === attack;
  const membership = isAsked('membership')
    ? await membershipOf(
        imitated,
        model,
        { members, others: await heldOutCases(data, model.tasks, how, log) },
        flags,
        progress,
      )
    : undefined;
  const inversion = isAsked('inversion')
    ? await attackInversion(model, imitated, members, {
        ...flags,
        seed: SEED,
        onIteration: (done, total) => progress.show(`inversion: step ${done} of ${total}`),
      })
    : undefined;
  progress.end();
  const files =
    inversion &&
    writeFiles(new Map([[join(flags.out, 'inversion.html'), picturePage(inversion.pictures, flags.side)]]));
  const { pictures: _, ...figures } = inversion ?? { pictures: undefined };
  const result = {
    site,
    model: model.sha256,
    ...(membership && { membership }),
    ...(inversion && { inversion: { ...figures, clip: flags.clip, noiseMultiplier: flags.noiseMultiplier, files } }),
  };
  if (flags.json) printJson('attack', result);
  else console.log(attackText({ membership, inversion, flags, files: files ?? [] }));
}

/** The training that shadow models imitate: the package says patch, spacing and crop, and not how long. */
function imitatedBy(model: TrainedModel, { steps }: AttackFlags): Imitated {
  const { patch, spacing, heartCrop, intensity } = model;
  const training = trainingSchema.parse({ patch, spacing, heartCrop, intensity, steps, learningRate: 1e-3, warmup: 0 });
  return { model: model.model, tasks: model.tasks, training };
}

async function membershipOf(
  imitated: Imitated,
  { weights }: TrainedModel,
  cases: Parameters<typeof attackMembership>[2],
  { shadows, steps }: AttackFlags,
  progress: ReturnType<typeof progressLine>,
) {
  const seconds = (await secondsPerStep(imitated, cases.members)) * steps * shadows;
  console.error(
    `membership: ${shadows} shadow models of ${steps} steps take about ${duration(1000 * seconds)}, and their losses some more.`,
  );
  return attackMembership(imitated, weights, cases, {
    shadows,
    seed: SEED,
    onStep: (shadow, step) =>
      progress.show(`membership: shadow model ${shadow + 1} of ${shadows}, step ${step} of ${steps}`),
  });
}

/** Seconds of a step of training, after the first. */
async function secondsPerStep({ training, ...imitated }: Imitated, cases: readonly CaseSource[]): Promise<number> {
  let first = performance.now();
  await trainShadow({ ...imitated, training: { ...training, steps: TRIED_STEPS } }, cases, SEED, (done) => {
    if (done === 1) first = performance.now();
  });
  return (performance.now() - first) / 1000 / (TRIED_STEPS - 1);
}
