/** Colours of classes, which can be told apart on a grey CT also with a red-green weakness (Okabe and Ito 2008). */
const COLOURS: readonly (readonly [number, number, number])[] = [
  [230, 159, 0],
  [86, 180, 233],
  [240, 228, 66],
  [0, 158, 115],
  [213, 94, 0],
  [204, 121, 167],
  [0, 114, 178],
];

/** Colour of a class of a layer: layers begin at different colours, so that two of them differ. */
export const colourOf = (layer: number, label: number): readonly [number, number, number] =>
  COLOURS[(layer * 2 + label - 1) % COLOURS.length] as readonly [number, number, number];

export const cssOf = ([r, g, b]: readonly [number, number, number]): string => `rgb(${r} ${g} ${b})`;
