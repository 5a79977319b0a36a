import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FedcardioError } from '../error.ts';
import { id, sha256, stageName, version } from '../federation/schemas/common.ts';
import { intensitySchema } from '../federation/schemas/intensity.ts';
import { modelSchema } from '../federation/schemas/model.ts';
import { type Task, tasksSchema } from '../federation/schemas/task.ts';
import type { ModelConfig } from '../federation/schemas.ts';
import type { Intensity } from '../imaging/intensity.ts';
import { canonicalJson, parseDocument } from '../json.ts';
import { decodeSafetensors, encodeSafetensors, encodeSafetensorsHeader } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import type { Weights } from '../weights/weights.ts';

/**
 * A model package: a safetensors file whose header says all that is needed to use its weights, as JSON under
 * {@link PACKAGE_KEY}. Other tools read the weights and pass over the header's text.
 */

export const PACKAGE_KEY = 'fedcardio.package';
export const PURPOSE = 'for research only, not a medical device';
/** Order of a network's axes. Volumes are turned to right, anterior, superior (RAS) first. */
const AXES = '[z, y, x] of RAS, x fastest';

const packageSchema = z.strictObject({
  schema: version('package'),
  model: modelSchema.describe('The network.'),
  tasks: tasksSchema.describe('Tasks of the heads, with their definitions.'),
  input: z
    .strictObject({
      axes: z.literal(AXES).describe('Order of the axes.'),
      spacingMm: z.number().positive().describe('Side of the cubic voxels, mm.'),
      heartCropMm: z.number().positive().nullable().describe('Side of the cube around the heart, mm; null: no crop.'),
      patch: z.int().positive().describe('Side of the windows that are predicted, voxels.'),
      hounsfield: intensitySchema.describe(
        'Values are clipped to `low` … `high`, minus `mean`, over `deviation`. HU for a CT.',
      ),
    })
    .describe('How a CT becomes the input of the network.'),
  origin: z
    .strictObject({
      campaign: id.describe('The campaign.'),
      stage: stageName.describe('Its stage.'),
      round: z.int().positive().describe('The last round that is merged in these weights.'),
      commit: sha256
        .optional()
        .describe(
          "SHA-256 of the round's commit, which the chain of the campaign proves. Absent in a release that can be trained again: a commit has the time of its training.",
        ),
      global: sha256.describe("SHA-256 of the round's global model in the federation bucket."),
    })
    .describe('The training that made the weights.'),
  weights: sha256.describe('SHA-256 of this file without the metadata of its header.'),
  release: z.string().min(1).max(80).describe('The release that wrote the file.'),
  trainedOnPhantoms: z
    .boolean()
    .optional()
    .describe('Whether all of the training data are synthetic. Absent: not known to the command that wrote the file.'),
  purpose: z.string().min(1).max(200).describe('What the model may be used for.'),
});

/** What a model package says of itself. */
type ModelPackage = z.infer<typeof packageSchema>;

/** A trained model without a network: configuration, weights and preprocessing. */
export interface TrainedModel {
  readonly model: ModelConfig;
  readonly tasks: readonly Task[];
  /** Side of the inference windows in voxels. */
  readonly patch: number;
  /** mm */
  readonly spacing: number;
  /** mm */
  readonly heartCrop: number | null;
  readonly intensity: Intensity;
  readonly weights: Weights;
  /** SHA-256 of the global model, without a site's local parameters and without the body of a probe. */
  readonly sha256: string;
  readonly origin: Omit<ModelPackage['origin'], 'global'>;
  /** True if all of the training data are synthetic; undefined if that is not known. */
  readonly trainedOnPhantoms?: boolean | undefined;
}

/**
 * The file of a model package. The same model and release give the same bytes; the tensors are those of the file without
 * the metadata.
 */
export function encodePackage(trained: TrainedModel, release: string): Uint8Array {
  const {
    model,
    tasks,
    patch,
    spacing,
    heartCrop,
    intensity,
    weights,
    sha256: global,
    origin,
    trainedOnPhantoms,
  } = trained;
  const written: ModelPackage = packageSchema.parse({
    schema: 'fedcardio.package/1',
    model,
    tasks,
    input: { axes: AXES, spacingMm: spacing, heartCropMm: heartCrop, patch, hounsfield: intensity },
    origin: { ...origin, global },
    weights: hashOfWeights(encodeSafetensors(weights)),
    release,
    trainedOnPhantoms,
    purpose: PURPOSE,
  });
  return encodeSafetensors(weights, { [PACKAGE_KEY]: canonicalJson(written) });
}

/**
 * The model in a package, after comparing its weights with their hash.
 *
 * @param name the file's name in errors
 * @throws FedcardioError `BAD_WEIGHTS` for a file that says nothing, or whose weights were changed; `BAD_MESSAGE` that lists the faulty fields; `NEWER_SCHEMA`
 */
export function decodePackage(bytes: Uint8Array, name: string): TrainedModel & Pick<ModelPackage, 'release'> {
  const { metadata } = parsedHeader(bytes, name);
  const text = Object.hasOwn(metadata, PACKAGE_KEY) ? metadata[PACKAGE_KEY] : undefined;
  if (text === undefined) throw unexplained(name, Object.keys(metadata));
  const said = parseDocument(Buffer.from(text), packageSchema, `The header's "${PACKAGE_KEY}" of ${name}`);
  const actual = hashOfWeights(bytes);
  if (actual !== said.weights) {
    throw new FedcardioError(
      'BAD_WEIGHTS',
      `${name}: its weights have SHA-256 ${actual}, but its header says ${said.weights}: they were changed or damaged.`,
      { hint: 'Copy or export the file again.' },
    );
  }
  const { input, origin } = said;
  const { global, ...trainedBy } = origin;
  return {
    model: said.model,
    tasks: said.tasks,
    patch: input.patch,
    spacing: input.spacingMm,
    heartCrop: input.heartCropMm,
    intensity: input.hounsfield,
    weights: decodeSafetensors(bytes),
    sha256: global,
    origin: trainedBy,
    trainedOnPhantoms: said.trainedOnPhantoms,
    release: said.release,
  };
}

function parsedHeader(bytes: Uint8Array, name: string) {
  try {
    return parseSafetensorsHeader(bytes);
  } catch (cause) {
    throw new FedcardioError('BAD_WEIGHTS', `${name} is not a model package: ${(cause as Error).message}`, {
      cause,
      hint: 'A package is written by `fedcardio export <campaign> <stage> --format fedcardio`.',
    });
  }
}

/** A file of other tools, of an earlier release, or exported for PyTorch. */
function unexplained(name: string, keys: readonly string[]): FedcardioError {
  const forTorch = keys.includes('format') ? ' It was written for PyTorch.' : '';
  return new FedcardioError(
    'BAD_WEIGHTS',
    `The header of ${name} lacks "${PACKAGE_KEY}": architecture, tasks, voxel size and normalisation are not known.${forTorch}`,
    {
      hint: 'Write it again with `fedcardio export <campaign> <stage> --format fedcardio`, or predict with `--campaign` and `--stage` instead of `--model`.',
    },
  );
}

/** SHA-256 of a safetensors file without its metadata: that of the published global model, if the weights are the same. */
function hashOfWeights(bytes: Uint8Array): string {
  const { tensors, dataStart } = parseSafetensorsHeader(bytes);
  return createHash('sha256').update(encodeSafetensorsHeader(tensors)).update(bytes.subarray(dataStart)).digest('hex');
}
