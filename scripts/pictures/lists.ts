import type { Content } from '../../lib/report/markup.ts';
import { box, type Language, lines, type Picture, step, text, verdict } from './drawing.ts';

/** Items below each other. */
const items = (x: number, y: number, rows: readonly string[]): Content =>
  lines(
    x,
    y,
    rows.map((row) => `• ${row}`),
    '',
    26,
  );

/** A column of lines that are all right or all wrong. */
const column = (x: number, y: number, isGood: boolean, rows: readonly string[]): Content =>
  rows.map((row, index) => verdict(x, y + 26 * index, isGood, row));

/** What leaves a hospital, and what never does. */
export const whatLeaves: Picture = {
  name: 'what-leaves',
  width: 1000,
  height: 260,
  title: { en: 'What leaves your hospital, and what never does', de: 'Was Ihr Krankenhaus verlässt, und was nie' },
  description: {
    en: 'Never leaves: CTs, labels, names, numbers and dates of patients, the list of pseudonyms, names of cases. Leaves: weights of the network, counts, losses and run times, scores of held-out cases without names, failures.',
    de: 'Verlässt das Haus nie: CTs, Markierungen, Namen, Nummern und Daten von Patientinnen und Patienten, die Zuordnungsliste, Fallnamen. Verlässt das Haus: Gewichte des Netzes, Anzahlen, Trainingsfehler und Laufzeiten, Bewertungen der Testfälle ohne Namen, Fehlermeldungen.',
  },
  content: (language) => {
    const say = LEAVES[language];
    return [
      box('panel', 16, 16, 476, 228, 12),
      box('panel', 508, 16, 476, 228, 12),
      text(40, 50, say.stays, 'head'),
      column(40, 88, false, say.staysRows),
      text(532, 50, say.leaves, 'head'),
      column(532, 88, true, say.leavesRows),
    ];
  },
};

const LEAVES = {
  en: {
    stays: 'Never leaves',
    staysRows: [
      'CTs: no slice, no picture',
      'labels: no point, no segmentation',
      'names, numbers, dates of birth',
      'the list of patients and pseudonyms',
      'names of cases (pseudonyms)',
      'why a file was rejected',
    ],
    leaves: 'Leaves, for a campaign you take part in',
    leavesRows: [
      'weights of the network: numbers',
      'counts of cases and labels',
      'losses, run times, memory',
      'scores of held-out cases, sorted, unnamed',
      'failures: a code and a reason',
    ],
  },
  de: {
    stays: 'Verlässt das Haus nie',
    staysRows: [
      'CTs: keine Schicht, kein Bild',
      'Markierungen: kein Punkt, keine Maske',
      'Namen, Nummern, Geburtsdaten',
      'die Zuordnung von Namen zu Pseudonymen',
      'Namen der Fälle (Pseudonyme)',
      'warum eine Datei abgelehnt wurde',
    ],
    leaves: 'Verlässt das Haus bei Teilnahme',
    leavesRows: [
      'Gewichte des Netzes: Zahlen',
      'Anzahlen von Fällen und Markierungen',
      'Trainingsfehler, Laufzeit, Speicherbedarf',
      'Bewertungen der Testfälle, sortiert, ohne Namen',
      'Fehlermeldungen: Code und Grund',
    ],
  },
} satisfies Record<Language, unknown>;

/** What withdrawal removes, and what it cannot. */
export const withdrawal: Picture = {
  name: 'withdrawal',
  width: 1000,
  height: 260,
  title: { en: 'What withdrawal removes, and what stays', de: 'Was ein Rückzug löscht, und was bleibt' },
  description: {
    en: 'One command removes from the storage of the hospital: the CT, its labels, what models made of it, the catalog entry, and all old versions. You remove: the export, the folder of the case, the line in the list of pseudonyms. What stays: weights that were already trained with the case, and models that were given out.',
    de: 'Ein Befehl löscht aus dem Speicher des Krankenhauses: die CT, ihre Markierungen, was Modelle daraus gemacht haben, den Katalogeintrag und alle alten Versionen. Sie löschen: den Export, den Ordner des Falls, die Zeile der Zuordnungsliste. Es bleiben: Gewichte, die mit dem Fall schon trainiert wurden, und Modelle, die schon ausgegeben wurden.',
  },
  content: (language) => {
    const say = WITHDRAWAL[language];
    return [
      box('panel', 16, 16, 968, 228, 12),
      step('good', [40, 40, 290, 180], say.command, []),
      items(60, 96, say.commandRows),
      step('work', [355, 40, 290, 180], say.you, []),
      items(375, 96, say.youRows),
      step('bad', [670, 40, 290, 180], say.stays, []),
      items(690, 96, say.staysRows),
    ];
  },
};

const WITHDRAWAL = {
  en: {
    command: 'One command removes',
    commandRows: [
      'the CT',
      'its labels',
      'what models made of it',
      'its entry in the catalog',
      'all old versions of these',
    ],
    you: 'You remove',
    youRows: [
      'the export from the PACS',
      'the folder of the case',
      'its line in the list of patients',
      'copies on other media',
    ],
    stays: 'Cannot be removed',
    staysRows: ['weights trained before', 'models given out before'],
  },
  de: {
    command: 'Ein Befehl löscht',
    commandRows: [
      'die CT',
      'ihre Markierungen',
      'was Modelle daraus machten',
      'den Katalogeintrag',
      'alle alten Versionen davon',
    ],
    you: 'Sie löschen',
    youRows: [
      'den Export aus dem PACS',
      'den Ordner des Falls',
      'die Zeile der Zuordnungsliste',
      'Kopien auf anderen Medien',
    ],
    stays: 'Lässt sich nicht löschen',
    staysRows: ['schon trainierte Gewichte', 'schon ausgegebene Modelle'],
  },
} satisfies Record<Language, unknown>;
