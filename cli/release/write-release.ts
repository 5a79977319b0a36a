import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { trainedModel } from '../../gpu-tasks/stage-model.ts';
import { FedcardioError } from '../../lib/error.ts';
import type { Stage } from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import type { Files } from '../../lib/models/interchange/monai-bundle.ts';
import type { TrainedModel } from '../../lib/models/package.ts';
import { cardFacts } from '../export/card-facts.ts';
import type { Format } from '../export/format.ts';
import { exportedFiles } from '../export/formats.ts';
import { writeFiles } from '../export/write-files.ts';
import { type CampaignRecord, collectCampaign, type ReportPlace } from '../report/collect.ts';

const LICENCE = 'Apache-2.0, as fedcardio itself: the model was trained on synthetic CTs alone.';

/**
 * Writes the teachers and the student of a campaign on phantoms: packages, for MONAI and nnU-Net where these have the
 * network, cards, and the SHA-256 of every file. Files of an earlier release in the folder are removed.
 *
 * @returns the paths of the files
 */
export async function writeRelease(place: ReportPlace, out: string): Promise<readonly string[]> {
  const record = await collectCampaign(place);
  const files = new Map<string, string | Uint8Array>();
  for (const { name } of record.plan.campaign.stages.filter(isReleased)) {
    const trained = await trainedModel(place.federationStore, place.campaign, name);
    for (const [path, body] of releasedModel(repeatable(trained), record)) files.set(path, body);
  }
  const sums = [...files].map(([path, body]) => `${sha256Hex(body)}  ${path}\n`).join('');
  requireReleaseFolder(out);
  rmSync(out, { recursive: true, force: true });
  const all = new Map([...files, ['SHA256SUMS', sums] as const].map(([path, body]) => [join(out, path), body]));
  return writeFiles(all);
}

/** Teachers, and the student that learns from them; not the control. */
const isReleased = (stage: Stage): boolean =>
  stage.kind === 'teacher' || (stage.kind === 'student' && stage.pseudoLabels !== undefined);

/**
 * Refuses a folder with other files, which would be removed.
 *
 * @throws FedcardioError `BAD_CONFIGURATION`
 */
export function requireReleaseFolder(out: string): void {
  if (!existsSync(out) || readdirSync(out).length === 0 || existsSync(join(out, 'SHA256SUMS'))) return;
  throw new FedcardioError('BAD_CONFIGURATION', `${out} has other files than those of a release.`, {
    hint: 'Choose an empty folder with --out.',
  });
}

/** Without the hash of its commit, which differs each time because a commit has a time. */
function repeatable({ origin: { commit: _, ...origin }, ...trained }: TrainedModel): TrainedModel {
  return { ...trained, origin, trainedOnPhantoms: true };
}

function releasedModel(trained: TrainedModel, record: CampaignRecord): Files {
  const { model, origin } = trained;
  const facts = cardFacts(record, trained, undefined, LICENCE);
  const name = origin.stage.replaceAll('/', '-');
  // MONAI has no Swin UNETR of three stages.
  const folders: readonly Format[] = model.kind === 'unet' ? ['monai-bundle', 'nnunet'] : [];
  return new Map([
    ...exportedFiles(trained, facts, { format: 'fedcardio', out: `${name}.safetensors` }),
    ...folders.flatMap((format) => [...exportedFiles(trained, facts, { format, out: `${name}-${format}` })]),
  ]);
}
