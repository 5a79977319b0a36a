import type { Colour } from './colours.ts';

/** A class map that can be laid on a CT. */
export interface Layer {
  /** Unique on its CT. */
  readonly id: string;
  readonly title: string;
  /** Names of its classes, and their values in the map. */
  readonly classes: readonly { readonly label: number; readonly title: string }[];
  /** Where its file is; undefined for one that has none, such as points. */
  readonly address: string | undefined;
  /** Whether it is drawn at first. */
  readonly isShown: boolean;
}

/** A point to draw, with its name (world, RAS, mm). */
export interface NamedPoint {
  readonly title: string;
  readonly colour: Colour;
  readonly position: readonly [number, number, number];
}
