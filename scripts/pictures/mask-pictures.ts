import type { Volume } from '../../lib/imaging/volume.ts';
import type { Content } from '../../lib/report/markup.ts';
import { type Plane, planeAround } from '../../lib/report/plane.ts';
import { maskOver, type Panel, slice } from './ct-panel.ts';
import { type Language, lines, type Picture, text, verdict, type Words } from './drawing.ts';
import { picturePhantom, rootAxes, shortAxis } from './phantom-views.ts';

const TOP = 44;
const SIDE = 310;
const COLUMNS = [16, 345, 674] as const;
/** A threshold that is too low takes blood with contrast for calcium, HU. */
const TOO_LOW_HU = 330;

interface Column {
  readonly title: Words;
  /** Neither for the slice alone. */
  readonly isGood?: boolean;
  readonly rows: Readonly<Record<Language, readonly string[]>>;
}

function columns(
  language: Language,
  plane: Plane,
  image: Volume,
  shown: readonly (Column & { readonly mask?: Volume })[],
  slabMm = 0,
): Content {
  return shown.map(({ title, isGood, rows, mask }, index) => {
    const panel: Panel = { x: COLUMNS[index]!, y: TOP, scale: SIDE / plane.width, plane };
    return [
      isGood === undefined ? text(panel.x, 32, title[language], 'name') : verdict(panel.x, 32, isGood, title[language]),
      slice(panel, image, slabMm),
      mask && maskOver(panel, mask, slabMm),
      lines(panel.x, TOP + SIDE + 20, rows[language], 'small'),
    ];
  });
}

/** What a mask of `calcification` looks like. */
export const calcification: Picture = {
  name: 'calcification',
  width: 1000,
  height: 420,
  title: { en: 'A mask of calcification', de: 'Eine Maske für calcification' },
  description: {
    en: 'The same slice across the valve of a synthetic CT three times: without a mask, calcium is the brightest; with a right mask that covers only the calcium of the valve; with a wrong mask that also covers the blood.',
    de: 'Dreimal dieselbe Schicht quer zur Klappe einer synthetischen CT: ohne Maske, Kalk ist am hellsten; mit einer richtigen Maske, die nur den Kalk der Klappe bedeckt; mit einer falschen Maske, die auch das Blut bedeckt.',
  },
  content: (language) => {
    const phantom = picturePhantom('calcified');
    const { image, masks } = phantom;
    const tooMuch = { ...image, data: Uint8Array.from(image.data, (hu) => Number(hu > TOO_LOW_HU)) };
    return columns(language, shortAxis(rootAxes(phantom), 6, 60, 0.3), image, [
      {
        title: { en: 'The slice', de: 'Die Schicht' },
        rows: {
          en: ['Calcium is brighter than blood with contrast.'],
          de: ['Kalk ist heller als Blut mit Kontrastmittel.'],
        },
      },
      {
        isGood: true,
        title: { en: 'right: class 1, calcium', de: 'richtig: Klasse 1, calcium' },
        rows: {
          en: ['Only calcium of the valve and its annulus.', 'No calcium at all: save an empty mask.'],
          de: ['Nur Kalk der Klappe und ihres Anulus.', 'Gar kein Kalk: leere Maske speichern.'],
        },
        mask: masks.calcification,
      },
      {
        isGood: false,
        title: { en: 'wrong: threshold too low', de: 'falsch: Schwelle zu niedrig' },
        rows: {
          en: ['Blood with contrast is marked too.', 'Raise the threshold until only calcium is left.'],
          de: ['Auch Blut mit Kontrastmittel ist markiert.', 'Schwelle erhöhen, bis nur Kalk bleibt.'],
        },
        mask: tooMuch,
      },
    ]);
  },
};

/** What a mask of `coronary-arteries` looks like. */
export const coronaryArteries: Picture = {
  name: 'coronary-arteries',
  width: 1000,
  height: 420,
  title: { en: 'A mask of coronary-arteries', de: 'Eine Maske für coronary-arteries' },
  description: {
    en: 'Slices of a synthetic CT through the coronary arteries, without and with a mask. The mask covers the lumen from the ostium outwards, not the aorta.',
    de: 'Schichten einer synthetischen CT durch die Koronararterien, ohne und mit Maske. Die Maske bedeckt das Lumen vom Ostium an nach außen, nicht die Aorta.',
  },
  content: (language) => {
    const phantom = picturePhantom('clear');
    const { image, masks, points } = phantom;
    const ostium = points['hinge-points'][4]!;
    const plane = planeAround('axial', [ostium[0] - 4, ostium[1] + 8, ostium[2]], 80, 0.4);
    const shown = [
      {
        title: { en: 'The CT, 6 mm thick', de: 'Die CT, 6 mm dick' },
        rows: {
          en: ['The left coronary artery leaves the aorta.'],
          de: ['Die linke Koronararterie verlässt die Aorta.'],
        },
      },
      {
        isGood: true,
        title: { en: 'right: class 1, lumen', de: 'richtig: Klasse 1, lumen' },
        rows: {
          en: ['The lumen from the ostium outwards,', 'in all slices. Not the aorta.'],
          de: ['Das Lumen vom Ostium an nach außen,', 'in allen Schichten. Nicht die Aorta.'],
        },
        mask: masks['coronary-arteries'],
      },
    ];
    return [
      columns(language, plane, image, shown, SLAB_MM),
      lines(COLUMNS[2], TOP + 24, CORONARY_NOTES[language], '', 22),
    ];
  },
};

/** A slab shows more of the arteries than a slice, as a reader's thin MIP does. */
const SLAB_MM = 6;

const CORONARY_NOTES: Readonly<Record<Language, readonly string[]>> = {
  en: [
    'Mark both coronary arteries, right and',
    'left, with all branches that you can see.',
    '',
    'The lumen is the inside of the artery,',
    'filled with contrast medium. Calcium of',
    'its wall does not belong to it.',
  ],
  de: [
    'Markieren Sie beide Koronararterien,',
    'rechts und links, mit allen Ästen, die',
    'Sie sehen.',
    '',
    'Das Lumen ist das Innere der Arterie,',
    'gefüllt mit Kontrastmittel. Kalk ihrer',
    'Wand gehört nicht dazu.',
  ],
};
