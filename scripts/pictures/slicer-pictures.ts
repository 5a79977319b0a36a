import { TASKS } from '../../lib/federation/tasks.ts';
import type { Vec3 } from '../../lib/imaging/volume.ts';
import { type Content, html } from '../../lib/report/markup.ts';
import { namedPoint, type Panel, slice } from './ct-panel.ts';
import { box, type Language, lines, type Picture, text } from './drawing.ts';
import { picturePhantom, rootAxes, shortAxis } from './phantom-views.ts';

/** A number in a circle, which the text of the page refers to. */
const numbered = (x: number, y: number, number: number): Content => [
  html`  <circle class="number" cx="${x}" cy="${y}" r="11"/>\n`,
  html`  <text class="numeral mid" x="${x}" y="${y + 5}">${number}</text>\n`,
];

/** A field of a form: its name, and what is chosen in it. */
const field = (x: number, y: number, name: string, value: string, width = 190): Content => [
  text(x, y + 18, name, 'small'),
  box('store', x + 128, y, width, 27, 4),
  text(x + 138, y + 18, value, 'key'),
];

/** Points in the module Markups of 3D Slicer. A drawing: the words on the buttons are those of version 5. */
export const slicerPoints: Picture = {
  name: 'slicer-points',
  width: 1000,
  height: 400,
  title: { en: 'Points in 3D Slicer', de: 'Punkte in 3D Slicer' },
  description: {
    en: 'A drawing of 3D Slicer. Left, the module Markups: 1 a point list is created, 2 named hinge-points, 3 its five points have the names of the task. Right, a slice with three of the points. Below, 4 the list is saved as hinge-points.mrk.json.',
    de: 'Eine Zeichnung von 3D Slicer. Links das Modul Markups: 1 eine Punktliste wird angelegt, 2 sie heißt hinge-points, 3 ihre fünf Punkte tragen die Namen der Aufgabe. Rechts eine Schicht mit drei der Punkte. Unten 4 wird die Liste als hinge-points.mrk.json gespeichert.',
  },
  content: (language) => {
    const phantom = picturePhantom('clear');
    const names = TASKS['hinge-points'].classes as unknown as readonly [string, string, string];
    const panel: Panel = { x: 500, y: 56, scale: 1.2, plane: shortAxis(rootAxes(phantom), 0, 60, 0.3) };
    const [right, left, nonCoronary] = phantom.points['hinge-points'] as readonly [Vec3, Vec3, Vec3];
    const say = POINTS[language];
    return [
      box('panel', 16, 16, 968, 368, 12),
      text(40, 46, '3D Slicer', 'head'),
      text(40, 84, 'Module: Markups', 'name'),
      numbered(52, 112, 1),
      text(72, 117, 'Create:'),
      box('work', 132, 98, 96, 27, 4),
      text(180, 116, 'Point List', 'mid'),
      numbered(52, 150, 2),
      box('store', 72, 136, 156, 27, 4),
      text(82, 154, 'hinge-points', 'key'),
      text(238, 154, say.listName, 'small'),
      numbered(52, 186, 3),
      text(72, 191, 'Control Points'),
      box('store', 72, 200, 260, 24, 0),
      text(82, 216, 'Name', 'name'),
      names.map((name, index) => [
        box('store', 72, 224 + 24 * index, 260, 24, 0),
        text(82, 240 + 24 * index, name, 'key'),
      ]),
      lines(346, 216, say.names, 'small', 18),
      slice(panel, phantom.image),
      namedPoint(panel, right, names[0], 32, -24),
      namedPoint(panel, left, names[1], 12, 26),
      namedPoint(panel, nonCoronary, names[2], 4, 50),
      lines(756, 76, say.view, 'small', 18),
      numbered(511, 316, 4),
      text(532, 321, 'File: Save Data'),
      field(500, 334, 'File Name', 'hinge-points.mrk.json'),
      text(830, 352, say.save, 'small'),
    ];
  },
};

const POINTS = {
  en: {
    listName: 'the name of the task',
    names: ['double-click a name', 'to change it;', 'type it exactly', 'as here'],
    view: ['Scroll to the slice,', 'turn it if you need to,', 'click the point.', '', 'Drag a point to', 'move it.'],
    save: 'only this file',
  },
  de: {
    listName: 'der Name der Aufgabe',
    names: ['Namen doppelklicken', 'und ändern; genau', 'so schreiben', 'wie hier'],
    view: [
      'Zur Schicht scrollen,',
      'bei Bedarf drehen,',
      'den Punkt anklicken.',
      '',
      'Einen Punkt ziehen,',
      'um ihn zu verschieben.',
    ],
    save: 'nur diese Datei',
  },
} satisfies Record<Language, unknown>;

/** The export of a segmentation from 3D Slicer. */
export const slicerSegmentation: Picture = {
  name: 'slicer-segmentation',
  width: 1000,
  height: 270,
  title: { en: 'The export of a segmentation from 3D Slicer', de: 'Der Export einer Segmentierung aus 3D Slicer' },
  description: {
    en: 'A drawing of the section Export to files in the module Segmentations of 3D Slicer. 1 Destination folder: the folder labels of the case. 2 File format: NIFTI. 3 Reference volume: image, the CT. 4 Use compression is ticked. The file is then named calcification.nii.gz and put into the folder labels of the case.',
    de: 'Eine Zeichnung des Abschnitts Export to files im Modul Segmentations von 3D Slicer. 1 Destination folder: der Ordner labels des Falls. 2 File format: NIFTI. 3 Reference volume: image, die CT. 4 Use compression ist angekreuzt. Danach heißt die Datei calcification.nii.gz und liegt im Ordner labels des Falls.',
  },
  content: (language) => {
    const say = SEGMENTATION[language];
    return [
      box('panel', 16, 16, 560, 238, 12),
      text(40, 46, 'Module: Segmentations', 'head'),
      text(40, 78, 'Export to files', 'name'),
      field(40, 92, 'Destination folder', say.folder, 250),
      field(40, 126, 'File format', 'NIFTI', 250),
      field(40, 160, 'Reference volume', 'image', 250),
      numbered(440, 106, 1),
      numbered(440, 140, 2),
      numbered(440, 174, 3),
      box('store', 168, 198, 16, 16, 3),
      html`  <path class="tick" d="M171 206l4 4 7-9"/>\n`,
      text(194, 211, 'Use compression', 'small'),
      numbered(440, 206, 4),
      box('work', 466, 192, 86, 27, 4),
      text(509, 210, 'Export', 'mid'),
      lines(604, 48, say.notes, '', 22),
    ];
  },
};

const SEGMENTATION = {
  en: {
    folder: '…/labels',
    notes: [
      '1 the folder labels of the case',
      '2 not NRRD: it is refused',
      '3 the CT: the segmentation must lie',
      '   on the voxels of the CT',
      '4 without it the file ends with .nii,',
      '   which is refused',
      '',
      'Then check the name of the file:',
      'calcification.nii.gz',
    ],
  },
  de: {
    folder: '…/labels',
    notes: [
      '1 der Ordner labels des Falls',
      '2 nicht NRRD: das wird abgelehnt',
      '3 die CT: die Segmentierung muss auf',
      '   den Voxeln der CT liegen',
      '4 ohne endet die Datei auf .nii, und',
      '   das wird abgelehnt',
      '',
      'Danach den Namen der Datei prüfen:',
      'calcification.nii.gz',
    ],
  },
} satisfies Record<Language, unknown>;
