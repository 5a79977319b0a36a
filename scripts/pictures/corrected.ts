import { arrow, box, type Language, lines, type Picture, step, text } from './drawing.ts';

/** From a rejection to an accepted file. */
export const corrected: Picture = {
  name: 'corrected',
  width: 1000,
  height: 226,
  title: { en: 'From rejected to accepted', de: 'Von abgelehnt zu angenommen' },
  description: {
    en: 'A rejection says what is wrong and what to do. 1 Read the sentence. 2 Correct the CT at the PACS, or the label in 3D Slicer. 3 Import or save it again, into the same folder under the same name. 4 Check and upload it again: it is accepted, and the rejection disappears.',
    de: 'Eine Ablehnung sagt, was nicht stimmt und was zu tun ist. 1 Den Satz lesen. 2 Die CT im PACS oder die Markierung in 3D Slicer berichtigen. 3 Noch einmal importieren oder speichern, in denselben Ordner unter demselben Namen. 4 Noch einmal prüfen und hochladen: Sie wird angenommen, und die Ablehnung verschwindet.',
  },
  content: (language) => {
    const say = WORDS[language];
    return [
      box('panel', 16, 16, 968, 194, 12),
      step('bad', [36, 40, 150, 92], say.read, say.readNote),
      arrow('M186 86H226'),
      step('work', [226, 40, 168, 92], say.correct, say.correctNote),
      arrow('M394 86H434'),
      step('work', [434, 40, 168, 92], say.again, say.againNote),
      arrow('M602 86H642'),
      step('work', [642, 40, 150, 92], say.upload, say.uploadNote),
      arrow('M792 86H832'),
      step('good', [832, 40, 132, 92], say.accepted, say.acceptedNote),
      arrow('M717 132V176H111V132', 'loop'),
      text(414, 168, say.loop, 'small mid'),
      lines(414, 196, [say.others], 'small mid'),
    ];
  },
};

const WORDS = {
  en: {
    read: '1 Read',
    readNote: ['what is wrong,', 'what to do'],
    correct: '2 Correct',
    correctNote: ['a CT at the PACS,', 'a label in 3D Slicer'],
    again: '3 Import, save again',
    againNote: ['same folder,', 'same name'],
    upload: '4 Check, upload',
    uploadNote: ['with the same', 'commands'],
    accepted: 'accepted',
    acceptedNote: ['the rejection', 'disappears'],
    loop: 'still something wrong: the new sentence says what',
    others: 'all other files are used in the meantime',
  },
  de: {
    read: '1 Lesen',
    readNote: ['was nicht stimmt,', 'was zu tun ist'],
    correct: '2 Berichtigen',
    correctNote: ['eine CT im PACS,', 'Punkte in 3D Slicer'],
    again: '3 Noch einmal',
    againNote: ['importieren, speichern:', 'Ordner, Name gleich'],
    upload: '4 Prüfen, hochladen',
    uploadNote: ['mit denselben', 'Befehlen'],
    accepted: 'angenommen',
    acceptedNote: ['die Ablehnung', 'verschwindet'],
    loop: 'noch etwas falsch: der neue Satz sagt, was',
    others: 'alle anderen Dateien werden inzwischen benutzt',
  },
} satisfies Record<Language, unknown>;
