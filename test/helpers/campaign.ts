import type { CaseUse } from '../../lib/federation/keys.ts';
import { siteKeys } from '../../lib/federation/keys.ts';
import type { CampaignInput, ModelConfig } from '../../lib/federation/schemas.ts';
import { TASKS, type TaskId } from '../../lib/federation/tasks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { generatePhantom, type PhantomTask } from '../../lib/phantom/phantom.ts';
import { scannerOf } from '../../lib/phantom/scanner.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';

/** The demo's campaign with networks and volumes so small that it takes seconds. */

export interface ToyCase {
  readonly site: string;
  readonly id: string;
  readonly use: CaseUse;
  readonly labels: readonly PhantomTask[];
}

const UNET: ModelConfig = { kind: 'unet', features: [4, 8], deepSupervision: true };
const SWIN_UNETR: ModelConfig = { kind: 'swin-unetr', featureSize: 4, depths: [1, 1], heads: [1, 2], window: 4 };
export const training = { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2, warmup: 0 };

export const teacher = (task: TaskId, rounds: number): CampaignInput['stages'][number] => ({
  kind: 'teacher',
  name: `teacher/${task}`,
  task,
  rounds,
  model: UNET,
  training,
});

/** Accepts all pseudo-labels, because teachers of two steps predict noise. */
export const pseudoLabels = (tasks: readonly TaskId[]): CampaignInput['stages'][number] => ({
  kind: 'pseudo-label',
  name: 'pseudo-label',
  teachers: tasks.map((task) => `teacher/${task}`),
  filter: { minConfidence: 0, plausibility: false },
  soft: true,
});

export const student = (
  name: string,
  tasks: readonly TaskId[],
  rounds: number,
  from?: string,
): Extract<CampaignInput['stages'][number], { kind: 'student' }> => ({
  kind: 'student',
  name,
  tasks: [...tasks],
  ...(from === undefined ? {} : { pseudoLabels: from }),
  rounds,
  model: SWIN_UNETR,
  training,
});

/** Uploads a coarse phantom and its labels. `fieldOfViewMm` is the side of the imaged cube. */
export async function uploadToyCase(
  store: SiteStore,
  { id, use, labels }: ToyCase,
  seed: number,
  fieldOfViewMm = 96,
): Promise<void> {
  const scanner = { ...scannerOf(seed, 1), pixelMm: 3.1, sliceMm: 3.7 };
  const { image, points, masks } = generatePhantom({ seed, scanner, fieldOfViewMm });
  await store.put(siteKeys.image(use, id), writeNifti(image));
  for (const task of labels) {
    if (task === 'hinge-points' || task === 'membranous-septum') {
      const landmarks = points[task].map((position, index) => ({ label: index + 1, position }));
      await store.put(siteKeys.markups(use, id, task), writeMarkups(landmarks, TASKS[task].classes));
    } else {
      await store.put(siteKeys.label(use, id, task), writeNifti(masks[task]));
    }
  }
}
