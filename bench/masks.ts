import { table } from '../cli/table.ts';
import { generatePhantom } from '../lib/phantom/phantom.ts';
import { scannerOf } from '../lib/phantom/scanner.ts';
import { foregroundVolume } from '../lib/scoring/foreground-volume.ts';
import { maskCeiling, maskShare } from '../lib/training/masks.ts';
import { median, significant } from './figures/numbers.ts';

export const summary = 'What coarse voxels leave of a mask: the ceiling of Dice, and the volume, by spacing';

const PHANTOMS = 12;
const SPACINGS = [1, 1.5, 2, 2.5, 3, 4] as const;
const TASKS = ['calcification', 'coronary-arteries'] as const;
/** Voxels of the masks, mm: as the scanners of the generator make them, and as those of hospitals do. */
const LABELS = { phantom: undefined, fine: 0.7 } as const;

/**
 * Masks of phantoms on cubic voxels and back. A deterministic figure, without timings.
 *
 * @returns medians over the masks by task, labels and spacing: Dice with the mask, and volume over the mask's
 */
export async function run(): Promise<Readonly<Record<string, unknown>>> {
  const figures: Record<string, { readonly dice: number; readonly volume: number }> = {};
  const rows: string[][] = [];
  for (const task of TASKS) {
    for (const [labels, voxelMm] of Object.entries(LABELS)) {
      const masks = Array.from({ length: PHANTOMS }, (_, index) => {
        const scanner = scannerOf(index, 101);
        const voxels = voxelMm === undefined ? {} : { pixelMm: voxelMm, sliceMm: voxelMm };
        return generatePhantom({ seed: 5000 + index, scanner: { ...scanner, ...voxels } }).masks[task];
      }).filter((mask) => foregroundVolume(mask) > 0);
      const found = SPACINGS.map((spacing) => {
        const ceilings = masks.map((mask) => maskCeiling(mask, spacing));
        return {
          dice: significant(median(ceilings.map(({ dice }) => dice ?? 0))),
          volume: significant(median(ceilings.map(({ volume, truth }) => volume / truth))),
        };
      });
      SPACINGS.forEach((spacing, index) => {
        figures[`${task}, ${labels} labels, ${spacing} mm`] = found[index] as (typeof found)[number];
      });
      rows.push([task, labels, ...found.map(({ dice, volume }) => `${dice.toFixed(2)} / ${volume.toFixed(2)}`)]);
    }
  }
  const head = [
    'Dice / volume',
    'labels',
    ...SPACINGS.map((spacing) => `${spacing} mm (${maskShare(spacing).toFixed(2)})`),
  ];
  console.error(table(head, rows).join('\n'));
  return { phantoms: PHANTOMS, figures };
}
