import { corrected } from './corrected.ts';
import { LANGUAGES, type Language, type Picture, svgOf } from './drawing.ts';
import { folders } from './folders.ts';
import { hingePoints, membranousSeptum } from './landmark-pictures.ts';
import { whatLeaves, withdrawal } from './lists.ts';
import { calcification, coronaryArteries } from './mask-pictures.ts';
import { places } from './places.ts';
import { goodAndUnusable } from './quality-picture.ts';
import { slicerPoints, slicerSegmentation } from './slicer-pictures.ts';
import { way } from './way.ts';

/** All pictures of the hospital pages. */
const PICTURES: readonly Picture[] = [
  way,
  places,
  folders,
  whatLeaves,
  corrected,
  withdrawal,
  goodAndUnusable,
  slicerPoints,
  slicerSegmentation,
  hingePoints,
  membranousSeptum,
  calcification,
  coronaryArteries,
];

/** Folder of the hospital pages in a language. */
export const pagesFolder = (language: Language): string =>
  language === 'en' ? 'docs/hospital' : `docs/hospital/${language}`;

/** Every picture of the hospital pages by its path: the same names in each language. */
export const PICTURE_FILES: Readonly<Record<string, () => string>> = Object.fromEntries(
  LANGUAGES.flatMap((language) =>
    PICTURES.map((picture) => [
      `${pagesFolder(language)}/pictures/${picture.name}.svg`,
      () => svgOf(picture, language),
    ]),
  ),
);
