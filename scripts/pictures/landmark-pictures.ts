import { TASKS } from '../../lib/federation/tasks.ts';
import type { Vec3 } from '../../lib/imaging/volume.ts';
import { type Content, html } from '../../lib/report/markup.ts';
import { namedPoint, note, type Panel, place, slice } from './ct-panel.ts';
import { type Language, lines, type Picture, text, type Words } from './drawing.ts';
import { longAxis, picturePhantom, rootAxes, shortAxis } from './phantom-views.ts';

/** Side of the imaged square, mm, and of a pixel. */
const SIDE_MM = 60;
const PIXEL_MM = 0.3;
const TOP = 44;
const SCALE = 1.55;
const SIDE = (SIDE_MM / PIXEL_MM) * SCALE;

/** Left edge of the picture's first, second and third slice. */
const COLUMNS = [16, 345, 674] as const;

const heading = (column: 0 | 1 | 2, title: string, rows: readonly string[]): Content => [
  text(COLUMNS[column], 32, title, 'name'),
  lines(COLUMNS[column], TOP + SIDE + 20, rows, 'small'),
];

/** The annulus plane where a slice along the root crosses it. */
function annulusLine(panel: Panel, centre: Vec3, words: string): Content {
  const { y } = place(panel, centre);
  return [
    html`  <line class="axis" x1="${panel.x}" y1="${y}" x2="${panel.x + SIDE}" y2="${y}"/>\n`,
    note(panel.x + SIDE - 6, y - 6, words, 'end'),
  ];
}

const ANNULUS: Words = { en: 'annulus plane', de: 'Anulusebene' };
const AORTA: Words = { en: 'aorta', de: 'Aorta' };

/** Where the five points of `hinge-points` lie. */
export const hingePoints: Picture = {
  name: 'hinge-points',
  width: 1000,
  height: 420,
  title: { en: 'The five points of hinge-points', de: 'Die fünf Punkte von hinge-points' },
  description: {
    en: 'Three slices of a synthetic CT. Across the root: the three hinge points, each the lowest point of a cusp: hinge-right in front, hinge-left behind on the left of the patient, hinge-non-coronary behind on the right. Along the root: ostium-right above hinge-right, and ostium-left above hinge-left, each in the wall of the aorta where the coronary artery leaves.',
    de: 'Drei Schichten einer synthetischen CT. Quer zur Wurzel: die drei Ansatzpunkte, jeweils der tiefste Punkt einer Tasche: hinge-right vorn, hinge-left hinten links im Patienten, hinge-non-coronary hinten rechts. Längs der Wurzel: ostium-right über hinge-right und ostium-left über hinge-left, jeweils in der Aortenwand am Abgang der Koronararterie.',
  },
  content: (language) => {
    const phantom = picturePhantom('clear');
    const axes = rootAxes(phantom);
    const [right, left, nonCoronary, ostiumRight, ostiumLeft] = phantom.points['hinge-points'] as unknown as Five;
    const [nameRight, nameLeft, nameNon, nameOstiumRight, nameOstiumLeft] = TASKS['hinge-points'].classes as string[];
    const panels = [
      shortAxis(axes, 0, SIDE_MM, PIXEL_MM),
      longAxis(axes, ostiumRight, 'left', 6, SIDE_MM, PIXEL_MM),
      longAxis(axes, ostiumLeft, 'right', 6, SIDE_MM, PIXEL_MM),
    ].map((plane, i): Panel => ({ x: COLUMNS[i]!, y: TOP, scale: SCALE, plane }));
    const [across, alongRight, alongLeft] = panels as [Panel, Panel, Panel];
    const say = WORDS[language];
    return [
      panels.map((panel) => slice(panel, phantom.image)),
      heading(0, say.across, say.acrossNote),
      note(across.x + 26, TOP + 56, 'RA'),
      note(across.x + 210, TOP + 34, 'RV'),
      note(across.x + 160, TOP + 268, 'LA'),
      note(across.x + SIDE / 2, TOP + 16, say.front),
      note(across.x + 6, TOP + SIDE - 8, say.patientRight, 'start'),
      note(across.x + SIDE - 6, TOP + SIDE - 8, say.patientLeft, 'end'),
      namedPoint(across, right, nameRight!, 44, -24),
      namedPoint(across, left, nameLeft!, 26, 30),
      namedPoint(across, nonCoronary, nameNon!, 8, 52),
      ...(
        [
          [1, alongRight, right, nameRight, ostiumRight, nameOstiumRight, say.alongRight],
          [2, alongLeft, left, nameLeft, ostiumLeft, nameOstiumLeft, say.alongLeft],
        ] as const
      ).map(([column, panel, hinge, hingeName, ostium, ostiumName, title]): Content => {
        const away = column === 1 ? 1 : -1;
        return [
          heading(column, title, say.alongNote),
          annulusLine(panel, axes.centre, ANNULUS[language]),
          note(panel.x + SIDE / 2, TOP + 20, AORTA[language]),
          note(panel.x + SIDE / 2, TOP + SIDE - 14, 'LVOT'),
          namedPoint(panel, hinge, hingeName!, away * 30, 30),
          namedPoint(panel, ostium, ostiumName!, away * 34, -26),
        ];
      }),
    ];
  },
};

type Five = readonly [Vec3, Vec3, Vec3, Vec3, Vec3];

const WORDS = {
  en: {
    across: 'Across the root, at the annulus',
    acrossNote: ['Each hinge point is the lowest point', 'at which a cusp is attached to the wall.'],
    alongRight: 'Along the root: the right side',
    alongLeft: 'Along the root: the left side',
    alongNote: ['The ostium is in the wall of the aorta, where', 'the coronary artery leaves, above its hinge point.'],
    front: 'front',
    patientRight: "patient's right",
    patientLeft: "patient's left",
  },
  de: {
    across: 'Quer zur Wurzel, am Anulus',
    acrossNote: ['Ein Ansatzpunkt (hinge) ist der tiefste Punkt,', 'an dem eine Tasche an der Wand ansetzt.'],
    alongRight: 'Längs der Wurzel: rechte Seite',
    alongLeft: 'Längs der Wurzel: linke Seite',
    alongNote: ['Das Ostium liegt in der Aortenwand, am Abgang', 'der Koronararterie, über dem Ansatzpunkt.'],
    front: 'vorn',
    patientRight: 'rechts im Patienten',
    patientLeft: 'links im Patienten',
  },
} satisfies Record<Language, unknown>;

/** Where the two points of `membranous-septum` lie. */
export const membranousSeptum: Picture = {
  name: 'membranous-septum',
  width: 1000,
  height: 420,
  title: { en: 'The two points of membranous-septum', de: 'Die zwei Punkte von membranous-septum' },
  description: {
    en: 'Two slices of a synthetic CT. Along the root: septum-start at the annulus below the commissure of right and non-coronary cusp, septum-end below it, where the thin membrane meets the muscle. Across the root: the same place between right atrium, right ventricle and outflow tract.',
    de: 'Zwei Schichten einer synthetischen CT. Längs der Wurzel: septum-start am Anulus unter der Kommissur von rechter und akoronarer Tasche, septum-end darunter, wo die dünne Membran auf den Muskel trifft. Quer zur Wurzel: dieselbe Stelle zwischen rechtem Vorhof, rechtem Ventrikel und Ausflusstrakt.',
  },
  content: (language) => {
    const phantom = picturePhantom('clear');
    const axes = rootAxes(phantom);
    const [start, end] = phantom.points['membranous-septum'] as unknown as readonly [Vec3, Vec3];
    const [nameStart, nameEnd] = TASKS['membranous-septum'].classes as [string, string];
    const along: Panel = {
      x: COLUMNS[0],
      y: TOP,
      scale: SCALE,
      plane: longAxis(axes, start, 'left', 0, SIDE_MM, PIXEL_MM),
    };
    const across: Panel = {
      x: COLUMNS[1],
      y: TOP,
      scale: SCALE,
      plane: shortAxis(axes, 0, SIDE_MM, PIXEL_MM),
    };
    const say = SEPTUM_WORDS[language];
    return [
      slice(along, phantom.image),
      slice(across, phantom.image),
      heading(0, say.along, []),
      heading(1, say.across, []),
      annulusLine(along, axes.centre, ANNULUS[language]),
      note(along.x + SIDE / 2, TOP + 20, AORTA[language]),
      note(along.x + SIDE / 2, TOP + SIDE - 14, 'LVOT'),
      namedPoint(along, start, nameStart, 40, -30),
      namedPoint(along, end, nameEnd, 40, 26),
      note(across.x + 26, TOP + 56, 'RA'),
      note(across.x + 210, TOP + 34, 'RV'),
      note(across.x + 160, TOP + 268, 'LA'),
      namedPoint(across, start, nameStart, 40, 66),
      lines(COLUMNS[2], TOP + 24, say.notes, '', 22),
    ];
  },
};

const SEPTUM_WORDS = {
  en: {
    along: 'Along the root',
    across: 'Across the root, at the annulus',
    notes: [
      'The membranous septum is the thin wall',
      'between outflow tract (LVOT) and right',
      'heart.',
      '',
      'septum-start: at the annulus, below the',
      'commissure of right and non-coronary',
      'cusp.',
      '',
      'septum-end: below it, where the thin',
      'wall meets the muscle.',
    ],
  },
  de: {
    along: 'Längs der Wurzel',
    across: 'Quer zur Wurzel, am Anulus',
    notes: [
      'Das membranöse Septum ist die dünne',
      'Wand zwischen Ausflusstrakt (LVOT) und',
      'rechtem Herzen.',
      '',
      'septum-start: am Anulus, unter der',
      'Kommissur von rechter und akoronarer',
      'Tasche.',
      '',
      'septum-end: darunter, wo die dünne',
      'Wand auf den Muskel trifft.',
    ],
  },
} satisfies Record<Language, unknown>;
