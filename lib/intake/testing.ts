import { federationKeys, siteKeys } from '../federation/keys.ts';
import { catalogSchema, rejectedSchema, summarySchema } from '../federation/schemas.ts';
import { TASKS } from '../federation/tasks.ts';
import { affineOf, apply } from '../imaging/affine.ts';
import { paintLandmarks } from '../imaging/landmarks.ts';
import { writeMarkups } from '../imaging/markups.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { Grid, Volume } from '../imaging/volume.ts';
import type { Objects } from '../storage/contract.ts';
import { createMemoryObjects } from '../storage/testing-objects.ts';
import { intakeCase } from './intake.ts';
import type { SiteContext } from './look.ts';

/** What the tests of intake share: a small CT, labels on it, and a site to upload them to. */

export const BUCKET = 'tavi-site-berlin';
export const FEDERATION = 'tavi-federation';

export const GRID: Grid = {
  shape: [12, 10, 8],
  affine: affineOf([
    [-1.5, 0, 0, 20],
    [0, -1.5, 0, 30],
    [0, 0, 2, 40],
  ]),
};
export const VOXELS = 12 * 10 * 8;

export const ct = (seed = 1, grid = GRID): Volume<Int16Array> => ({
  ...grid,
  data: new Int16Array(grid.shape[0] * grid.shape[1] * grid.shape[2]).map(
    (_, i) => ((i * 7919 + seed * 31) % 1500) - 1000,
  ),
});
export const image = (seed = 1) => writeNifti(ct(seed));
export const POINTS = [1, 2, 3, 4, 5].map((label) => ({ label, position: apply(GRID.affine, [2 * label, 5, 4]) }));
export const hingeMap = () => writeNifti(paintLandmarks(POINTS, GRID, 1.6));
export const hingeMarkups = () => writeMarkups(POINTS, TASKS['hinge-points'].classes);
export const calcium = () => writeNifti({ ...GRID, data: new Uint8Array(VOXELS).fill(1, 100, 107) });

/** A site's bucket in memory, and what to do and to see in it. */
export function world(objects: Objects = createMemoryObjects()) {
  let time = Date.UTC(2026, 0, 1);
  const context: SiteContext = {
    objects,
    bucket: BUCKET,
    site: 'berlin',
    now: () => {
      time += 1000;
      return new Date(time);
    },
  };
  const json = async (bucket: string, key: string) => {
    const found = await objects.tryGet(bucket, key);
    return found && JSON.parse(Buffer.from(found.body).toString());
  };
  return {
    context,
    objects,
    put: (key: string, body: Uint8Array | string) => objects.put(BUCKET, key, body),
    look: (caseId: string) => intakeCase(context, caseId),
    catalog: async (caseId: string) => {
      const found = await json(BUCKET, siteKeys.catalog(caseId));
      return found && catalogSchema.parse(found);
    },
    rejected: async (caseId: string) => {
      const found = await json(BUCKET, siteKeys.rejected(caseId));
      return found && rejectedSchema.parse(found);
    },
    summary: async () => summarySchema.parse(await json(FEDERATION, federationKeys.summary('berlin'))),
  };
}

/** A picture that was named like a volume. */
export const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Array(500).fill(7)]);

export type World = ReturnType<typeof world>;
