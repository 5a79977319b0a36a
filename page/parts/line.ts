/** A line of a chart. Lines differ by dash as well as by colour. */
export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Name of a custom property of the style sheet. */
  readonly colour: string;
  readonly width: number;
  readonly dash?: readonly number[];
}
