import { apply, invert } from '../../lib/imaging/affine.ts';
import type { Volume } from '../../lib/imaging/volume.ts';
import type { Content } from '../../lib/report/markup.ts';
import { type Panel, slice } from './ct-panel.ts';
import { type Language, lines, type Picture, verdict, type Words } from './drawing.ts';
import { cutAbove, moved, thickSlices, windowed, withoutSlices } from './faulty-cts.ts';
import { picturePhantom, rootAxes, squareAround } from './phantom-views.ts';

const SIDE_MM = 88;
const PIXEL_MM = 0.44;
const SCALE = 1.17;
const SIDE = (SIDE_MM / PIXEL_MM) * SCALE;
const COLUMN = 245;
const ROW = 322;

interface Example {
  readonly isGood: boolean;
  readonly title: Words;
  readonly rows: Readonly<Record<Language, readonly string[]>>;
}

const ACROSS: readonly Example[] = [
  {
    isGood: true,
    title: { en: 'good', de: 'gut' },
    rows: {
      en: ['bright aorta, sharp edges;', 'calcium is brighter than blood'],
      de: ['helle Aorta, scharfe Kanten;', 'Kalk ist heller als Blut'],
    },
  },
  {
    isGood: false,
    title: { en: 'display window saved', de: 'Fensterung gespeichert' },
    rows: {
      en: ['contrast and calcium are all white:', 'the values are cut off. The check', 'refuses it.'],
      de: ['Kontrast und Kalk sind gleich weiß:', 'die Werte sind abgeschnitten. Die', 'Prüfung lehnt ab.'],
    },
  },
  {
    isGood: false,
    title: { en: 'motion: wrong heart phase', de: 'Bewegung: falsche Herzphase' },
    rows: {
      en: ['double edges. The check does not', 'see it: you do.'],
      de: ['doppelte Kanten. Das sieht die', 'Prüfung nicht, nur Sie.'],
    },
  },
  {
    isGood: false,
    title: { en: 'no contrast medium', de: 'ohne Kontrastmittel' },
    rows: {
      en: ['blood and muscle look alike. The', 'check does not see it: you do.'],
      de: ['Blut und Muskel sehen gleich aus.', 'Das sieht die Prüfung nicht, nur Sie.'],
    },
  },
];

const ALONG: readonly Example[] = [
  {
    isGood: true,
    title: { en: 'good, seen from the front', de: 'gut, von vorn gesehen' },
    rows: { en: ['smooth edges, all slices there'], de: ['glatte Kanten, alle Schichten da'] },
  },
  {
    isGood: false,
    title: { en: 'slices are missing', de: 'Schichten fehlen' },
    rows: {
      en: ['a step through the whole picture.', 'The import refuses it.'],
      de: ['eine Stufe durch das ganze Bild.', 'Der Import lehnt ab.'],
    },
  },
  {
    isGood: false,
    title: { en: 'slices of 5 mm', de: 'Schichten von 5 mm' },
    rows: {
      en: ['stairs: small structures are lost.', 'Choose the thinnest series.'],
      de: ['Treppen: Kleines geht verloren.', 'Nehmen Sie die dünnste Serie.'],
    },
  },
  {
    isGood: false,
    title: { en: 'heart cut off', de: 'Herz abgeschnitten' },
    rows: {
      en: ['the series ends within the root.', 'The check does not see it: you do.'],
      de: ['die Serie endet in der Wurzel.', 'Das sieht die Prüfung nicht, nur Sie.'],
    },
  },
];

/** What a good CT looks like, and what cannot be used. */
export const goodAndUnusable: Picture = {
  name: 'good-and-unusable',
  width: 1000,
  height: 2 * ROW + 4,
  title: { en: 'A good CT, and six that cannot be used', de: 'Eine gute CT, und sechs unbrauchbare' },
  description: {
    en: 'Slices of a synthetic CT. Good: bright aorta, sharp edges, all slices. Not usable: a saved display window makes contrast and calcium equally white; motion doubles the edges; without contrast medium blood looks like muscle; missing slices make a step; slices of 5 mm make stairs; a series that ends within the aortic root.',
    de: 'Schichten einer synthetischen CT. Gut: helle Aorta, scharfe Kanten, alle Schichten. Unbrauchbar: eine gespeicherte Fensterung macht Kontrast und Kalk gleich weiß; Bewegung verdoppelt die Kanten; ohne Kontrastmittel sieht Blut wie Muskel aus; fehlende Schichten ergeben eine Stufe; Schichten von 5 mm ergeben Treppen; eine Serie, die in der Aortenwurzel endet.',
  },
  content: (language) => {
    const phantom = picturePhantom('calcified');
    const { image } = phantom;
    const { centre, up } = rootAxes(phantom);
    const valve = centre.map((value, axis) => value + 6 * up[axis]!) as unknown as typeof centre;
    const across = squareAround(valve, [-1, 0, 0], [0, -1, 0], SIDE_MM, PIXEL_MM);
    const along = squareAround(valve, [-1, 0, 0], [0, 0, -1], SIDE_MM, PIXEL_MM);
    const level = Math.round(apply(invert(image.affine), valve)[2]);
    const panels = (
      plane: typeof across,
      y: number,
      examples: readonly Example[],
      volumes: readonly Volume[],
    ): Content =>
      examples.map(({ isGood, title, rows }, column) => {
        const panel: Panel = { x: 12 + COLUMN * column, y: y + 12, scale: SCALE, plane };
        return [
          slice(panel, volumes[column]!),
          verdict(panel.x, y + SIDE + 34, isGood, title[language]),
          lines(panel.x, y + SIDE + 52, rows[language], 'small', 16),
        ];
      });
    return [
      panels(across, 0, ACROSS, [image, windowed(image), moved(image, 6), picturePhantom('native').image]),
      panels(along, ROW, ALONG, [
        image,
        withoutSlices(image, level - 4, 9),
        thickSlices(image, 7),
        cutAbove(image, level + 2),
      ]),
    ];
  },
};
