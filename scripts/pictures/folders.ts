import type { Content } from '../../lib/report/markup.ts';
import { arrow, box, type Language, lines, type Picture, text } from './drawing.ts';

/** From a DICOM folder to the folder of a case. */
export const folders: Picture = {
  name: 'folders',
  width: 1000,
  height: 300,
  title: { en: 'From the export to the folder of a case', de: 'Vom Export zum Ordner eines Falls' },
  description: {
    en: 'The export from the PACS is a folder of DICOM files, whatever their names. Import writes for each usable series a folder named by a pseudonym with the file image.nii.gz, and beside them the folder .fedcardio with the secret and the list of pseudonyms, which stays in the hospital. Labels go into the folder labels of the case.',
    de: 'Der Export aus dem PACS ist ein Ordner mit DICOM-Dateien, gleich unter welchen Namen. Der Import schreibt für jede brauchbare Serie einen Ordner mit einem Pseudonym als Namen und der Datei image.nii.gz, daneben den Ordner .fedcardio mit Geheimnis und Zuordnungsliste, der im Krankenhaus bleibt. Markierungen kommen in den Ordner labels des Falls.',
  },
  content: (language) => {
    const say = FOLDERS[language];
    const file = (look: string, x: number, y: number, width: number, name: string, note: string): Content => [
      box(look, x, y, width, 26, 6),
      text(x + 12, y + 17, name, 'key'),
      text(x + width + 10, y + 17, note, 'small'),
    ];
    return [
      box('panel', 16, 16, 300, 268, 12),
      box('panel', 424, 16, 560, 268, 12),
      text(40, 48, say.export, 'head'),
      file('work', 40, 66, 100, 'export/', ''),
      file('store', 72, 102, 96, 'IM000001', ''),
      file('store', 72, 136, 96, 'IM000002', ''),
      file('store', 72, 170, 96, '…', ''),
      lines(40, 226, say.exportNote, 'small', 16),
      arrow('M316 150H424'),
      text(370, 140, 'import', 'small mid'),
      text(448, 48, say.cases, 'head'),
      file('work', 448, 66, 100, 'cases/', ''),
      file('store', 480, 100, 190, 'p4f1c09a7be22-9d03ac51/', say.caseNote),
      file('store', 512, 134, 110, 'image.nii.gz', say.imageNote),
      file('store', 512, 168, 80, 'labels/', ''),
      file('good', 544, 202, 180, 'hinge-points.mrk.json', say.labelNote),
      file('bad', 480, 240, 100, '.fedcardio/', say.secretNote),
    ];
  },
};

const FOLDERS = {
  en: {
    export: 'Export from PACS',
    exportNote: ['DICOM; file names and', 'subfolders do not matter'],
    cases: 'Cases',
    caseNote: 'the pseudonym of one series',
    imageNote: 'the CT, without names',
    labelNote: 'from 3D Slicer, later',
    secretNote: 'who is who: stays here, keep it safe',
  },
  de: {
    export: 'Export aus dem PACS',
    exportNote: ['DICOM; Dateinamen und', 'Unterordner sind gleichgültig'],
    cases: 'Fälle',
    caseNote: 'Pseudonym einer Serie',
    imageNote: 'die CT, ohne Namen',
    labelNote: 'aus 3D Slicer, später',
    secretNote: 'wer ist wer: bleibt hier, sicher verwahren',
  },
} satisfies Record<Language, unknown>;
