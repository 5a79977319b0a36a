import type { Frame } from './frame.ts';
import type { Structure } from './paint.ts';
import type { Solid } from './solids.ts';

/** HU of tissues that do not depend on the contrast phase, at about 100–120 kV. */
export const HU = {
  air: -1000,
  lung: -850,
  fat: -95,
  oesophagus: 35,
  muscle: 55,
  vesselWall: 60,
  leaflet: 75,
  myocardium: 105,
  spongyBone: 190,
  denseBone: 480,
} as const;

/** A tissue with fixed HU, or blood, whose HU depends on the contrast phase. */
export type Tissue = keyof typeof HU | 'leftBlood' | 'rightBlood';

/** A structure and its material. */
export interface Organ extends Structure {
  readonly name: string;
  readonly tissue: Tissue;
}

export const organ = (frame: Frame, name: string, tissue: Tissue, solid: Solid, sheetThickness?: number): Organ => ({
  frame,
  name,
  tissue,
  ...solid,
  ...(sheetThickness === undefined ? {} : { sheetThickness }),
});
