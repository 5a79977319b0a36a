import type { DefaultTaskId } from '../federation/tasks.ts';
import { spacingOf } from '../imaging/affine.ts';
import type { Vec3, Volume } from '../imaging/volume.ts';
import { seededRandom } from '../random.ts';
import { acquire } from './acquire.ts';
import { distanceBetween, toWorld } from './frame.ts';
import { scanGrid } from './grid.ts';
import { type BloodHu, calciumMask, coronaryMask, renderScene } from './render.ts';
import { CUSP_DEGREES, SEPTUM_DEGREES } from './root.ts';
import type { Scanner } from './scanner.ts';
import { type Scene, sceneOf } from './scene.ts';

export interface PhantomOptions {
  /** Seed of the patient. The same seed, scanner and field of view give the same bytes. */
  readonly seed: number;
  readonly scanner: Scanner;
  /** Side of the imaged cube, mm. 96 contains all landmarks of every patient. */
  readonly fieldOfViewMm?: number;
}

/** A synthetic contrast-enhanced cardiac CT with exact labels. */
export interface Phantom {
  /** In HU. */
  readonly image: Volume<Int16Array<ArrayBuffer>>;
  /** World coordinates (RAS, mm), in the order of the task's classes. */
  readonly points: Readonly<Record<LandmarkTask, readonly Vec3[]>>;
  /** On the image's grid: 1 if the structure fills at least half of the voxel. */
  readonly masks: Readonly<Record<MaskTask, Volume<Uint8Array<ArrayBuffer>>>>;
  readonly facts: PhantomFacts;
}

export type LandmarkTask = Extract<DefaultTaskId, 'hinge-points' | 'membranous-septum'>;
type MaskTask = Extract<DefaultTaskId, 'calcification' | 'coronary-arteries'>;
/** Tasks whose labels the phantom draws. */
export type PhantomTask = LandmarkTask | MaskTask;

/** True measurements of the phantom. */
interface PhantomFacts {
  readonly seed: number;
  readonly scanner: string;
  readonly annulusDiameterMm: number;
  readonly coronaryHeightsMm: { readonly right: number; readonly left: number };
  readonly septumLengthMm: number;
  /** Volume of the mask. */
  readonly calciumVolumeMm3: number;
  readonly bloodHu: BloodHu;
  readonly noiseHu: number;
}

/**
 * A patient seen by a scanner. The anatomy depends on the seed alone, its rendering on the scanner too.
 *
 * The bytes are the same on every machine whose JavaScript engine rounds sin, cos and cbrt alike. V8, and so every
 * Node, has its own portable versions of them.
 */
export function generatePhantom({ seed, scanner, fieldOfViewMm = 96 }: PhantomOptions): Phantom {
  const scene = sceneOf(seed);
  const { patient } = scene;
  const pixelMm = scanner.pixelMm * patient.pixel;
  const grid = scanGrid(patient.tableMm, fieldOfViewMm, scanner.orientation, pixelMm, scanner.sliceMm);
  const spacing = spacingOf(grid.affine);
  const bloodHu = {
    left: scanner.leftBloodHu * patient.contrast.left,
    right: scanner.rightBloodHu * patient.contrast.right,
  };
  const acquisition = { ...scanner, spacing, noiseHu: scanner.noiseHu * patient.noise };
  const noise = seededRandom('phantom', 'noise', seed, scanner.name);
  const image = acquire(renderScene(scene, grid, bloodHu), grid.shape, acquisition, noise);
  const calcium = calciumMask(scene, grid);
  const points = pointsOf(scene);
  const [start, end] = points['membranous-septum'];
  return {
    image: { ...grid, data: image },
    points,
    masks: {
      calcification: { ...grid, data: calcium },
      'coronary-arteries': { ...grid, data: coronaryMask(scene, grid) },
    },
    facts: {
      seed,
      scanner: scanner.name,
      annulusDiameterMm: 2 * patient.root.annulusRadius * patient.size,
      coronaryHeightsMm: {
        right: patient.ostia.right.height * patient.size,
        left: patient.ostia.left.height * patient.size,
      },
      septumLengthMm: distanceBetween(start!, end!),
      calciumVolumeMm3: calcium.reduce((sum, voxel) => sum + voxel, 0) * spacing[0] * spacing[1] * spacing[2],
      bloodHu,
      noiseHu: acquisition.noiseHu,
    },
  };
}

function pointsOf({ root, placement, coronaries, patient }: Scene): Phantom['points'] {
  const hinge = (degrees: number) => toWorld(placement.root, root.onWall(degrees, 0));
  // The middle of the sheet between outflow tract and right heart.
  const septum = (height: number) => toWorld(placement.root, root.onWall(SEPTUM_DEGREES, height, 0.8));
  return {
    'hinge-points': [
      hinge(CUSP_DEGREES.right),
      hinge(CUSP_DEGREES.left),
      hinge(CUSP_DEGREES.nonCoronary),
      coronaries.ostia.right,
      coronaries.ostia.left,
    ],
    'membranous-septum': [septum(0), septum(-patient.root.septumLength)],
  };
}
