import { FedcardioError } from '../../lib/error.ts';
import { type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import { type DefaultTaskId, LANDMARK_RADIUS_MM, TASKS } from '../../lib/federation/tasks.ts';
import { paintLandmarks } from '../../lib/imaging/landmarks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import type { Landmark, Vec3, Volume } from '../../lib/imaging/volume.ts';
import { generatePhantom, type Phantom } from '../../lib/phantom/phantom.ts';
import { externalScannerOf, scannerOf } from '../../lib/phantom/scanner.ts';
import { seededRandom } from '../../lib/random.ts';
import type { DemoCase } from './scenario.ts';

export interface CaseFile {
  readonly key: SiteKey;
  readonly body: Uint8Array | string;
  readonly contentType: string;
}

/** The patient of a case. The phantom is a function of scenario seed, site and case. */
export function phantomOf({ site, caseId }: DemoCase, seed: number): Phantom {
  const patient = Math.floor(seededRandom(`${site.cohort}/patient`, seed, site.id, caseId)() * 2 ** 32);
  const scanner = site.external ? externalScannerOf(site.index, seed) : scannerOf(site.index, seed);
  return generatePhantom({ seed: patient, scanner });
}

/** Files that a hospital uploads for a case: the CT, then its labels in the hospital's format. */
export function caseFiles(demoCase: DemoCase, seed: number): readonly CaseFile[] {
  const phantom = phantomOf(demoCase, seed);
  const image = {
    key: siteKeys.image(demoCase.use, demoCase.caseId),
    body: writeNifti(phantom.image),
    contentType: GZIP,
  };
  return [image, ...demoCase.tasks.map((task) => labelFile(demoCase, task, phantom))];
}

function labelFile({ use, caseId, site }: DemoCase, task: DefaultTaskId, phantom: Phantom): CaseFile {
  const points = pointsOf(phantom, task);
  // Held-out landmarks are ground truth. Markups hold them exactly, painted spheres only to a fraction of a voxel.
  if (points && (use === 'evaluation' || site.landmarks === 'markups')) {
    const body = writeMarkups(points, TASKS[task].classes);
    return { key: siteKeys.markups(use, caseId, task), body, contentType: 'application/json' };
  }
  const volume = points ? paintLandmarks(points, phantom.image, LANDMARK_RADIUS_MM) : maskOf(phantom, task);
  return { key: siteKeys.label(use, caseId, task), body: writeNifti(volume), contentType: GZIP };
}

function pointsOf({ points }: Phantom, task: DefaultTaskId): readonly Landmark[] | undefined {
  const drawn: Readonly<Partial<Record<DefaultTaskId, readonly Vec3[]>>> = points;
  return drawn[task]?.map((position, index) => ({ label: index + 1, position }));
}

function maskOf({ masks }: Phantom, task: DefaultTaskId): Volume {
  const drawn: Readonly<Partial<Record<DefaultTaskId, Volume>>> = masks;
  const mask = drawn[task];
  if (mask) return mask;
  throw new FedcardioError('BAD_CONFIGURATION', `The phantom has no mask of ${task}.`);
}

const GZIP = 'application/gzip';
