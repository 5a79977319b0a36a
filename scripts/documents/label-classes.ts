import { code, markdownTable } from '../../lib/federation/documents/markdown.ts';
import { DEFAULT_TASKS, type DefaultTaskId, type Task } from '../../lib/federation/tasks.ts';
import type { Language, Words } from '../pictures/drawing.ts';

/** What a radiologist marks for each class of the default tasks. */
const MEANINGS: Readonly<Record<DefaultTaskId, Readonly<Record<string, Words>>>> = {
  'hinge-points': {
    'hinge-right': {
      en: 'lowest point of the right coronary cusp',
      de: 'tiefster Ansatzpunkt der rechtskoronaren Tasche',
    },
    'hinge-left': {
      en: 'lowest point of the left coronary cusp',
      de: 'tiefster Ansatzpunkt der linkskoronaren Tasche',
    },
    'hinge-non-coronary': {
      en: 'lowest point of the non-coronary cusp',
      de: 'tiefster Ansatzpunkt der akoronaren Tasche',
    },
    'ostium-right': { en: 'ostium of the right coronary artery', de: 'Ostium der rechten Koronararterie' },
    'ostium-left': { en: 'ostium of the left main coronary artery', de: 'Ostium des linken Hauptstamms' },
  },
  'membranous-septum': {
    'septum-start': {
      en: 'upper end of the membranous septum, at the annulus',
      de: 'oberes Ende des membranösen Septums, am Anulus',
    },
    'septum-end': {
      en: 'lower end, where the muscular septum begins',
      de: 'unteres Ende, wo das muskuläre Septum beginnt',
    },
  },
  calcification: {
    calcium: { en: 'calcium of the aortic valve and its annulus', de: 'Kalk der Aortenklappe und ihres Anulus' },
  },
  'coronary-arteries': {
    lumen: { en: 'lumen of all coronary arteries', de: 'Lumen aller Koronararterien' },
  },
};

const HEADS: Readonly<Record<Language, readonly string[]>> = {
  en: ['task', 'file', 'number', 'name', 'mark'],
  de: ['Aufgabe', 'Datei', 'Nummer', 'Name', 'eingezeichnet wird'],
};

const OR: Words = { en: 'or', de: 'oder' };

/** The files and classes of labels, a row for each class, for docs/hospital. */
export function labelClassesTable(language: Language): string {
  const fileOf = ({ id, kind }: Task) =>
    kind === 'landmarks' ? `${code(`${id}.mrk.json`)} ${OR[language]} ${code(`${id}.nii.gz`)}` : code(`${id}.nii.gz`);
  const rows = DEFAULT_TASKS.flatMap((task) =>
    task.classes.map((name, index) => {
      const meaning = MEANINGS[task.id as DefaultTaskId]?.[name];
      if (meaning === undefined) throw new Error(`The class ${name} of ${task.id} has no meaning for hospitals.`);
      const isFirst = index === 0;
      return [isFirst ? code(task.id) : '', isFirst ? fileOf(task) : '', `${index + 1}`, code(name), meaning[language]];
    }),
  );
  return markdownTable(HEADS[language], rows);
}
