export type Colour = readonly [red: number, green: number, blue: number];

/**
 * Colours of classes on a grey CT. The first seven can be told apart also with a red-green weakness (Okabe and Ito 2008); the others
 * are for layers that have more classes together.
 */
export const COLOURS: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [240, 228, 66],
  [0, 158, 115],
  [213, 94, 0],
  [204, 121, 167],
  [0, 114, 178],
  [160, 230, 100],
  [136, 86, 214],
  [235, 60, 80],
];

/** The first colour of each layer, by its id: classes of all layers have colours of their own, as far as there are as many. */
export function firstColours(
  layers: readonly { readonly id: string; readonly classes: readonly { readonly label: number }[] }[],
): ReadonlyMap<string, number> {
  let next = 0;
  return new Map(
    layers.map(({ id, classes }) => {
      const first = next;
      next += Math.max(1, ...classes.map(({ label }) => label));
      return [id, first];
    }),
  );
}

/** Colour of a class of a layer. */
export const colourOf = (first: number, label: number): Colour =>
  COLOURS[(first + label - 1) % COLOURS.length] as Colour;

export const cssOf = ([r, g, b]: Colour): string => `rgb(${r} ${g} ${b})`;
