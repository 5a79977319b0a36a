import { html } from '../../lib/report/markup.ts';
import { arrow, box, type Language, lines, type Picture, step, text } from './drawing.ts';

/** The two places where a hospital's CTs can lie. */
export const places: Picture = {
  name: 'places',
  width: 1000,
  height: 400,
  title: { en: 'Two places where your CTs can lie', de: 'Zwei Orte, an denen Ihre CTs liegen können' },
  description: {
    en: "In the cloud: a computer in the hospital uploads CTs to the hospital's own storage at AWS, where they are stored, examined and trained on. On your own machine: the PACS exports into the inbox of a machine in the hospital, where CTs are stored, examined and trained on; the machine opens only outgoing HTTPS connections. In both cases only model, counts and scores go to the federation.",
    de: 'In der Cloud: Ein Rechner im Krankenhaus lädt CTs in den eigenen Speicher des Krankenhauses bei AWS, wo sie gespeichert, geprüft und zum Training benutzt werden. Auf eigener Maschine: Das PACS exportiert in den Eingangsordner einer Maschine im Krankenhaus, wo CTs gespeichert, geprüft und zum Training benutzt werden; die Maschine öffnet nur ausgehende HTTPS-Verbindungen. In beiden Fällen gehen nur Modell, Anzahlen und Bewertungen an den Verbund.',
  },
  content: (language) => {
    const say = PLACES[language];
    return [
      box('panel', 16, 16, 476, 272, 12),
      box('panel', 508, 16, 476, 272, 12),
      text(40, 48, say.cloud, 'head'),
      text(40, 68, say.cloudNote, 'small'),
      step('store', [40, 96, 160, 168], say.hospital, say.hospitalNote),
      step('work', [300, 96, 168, 168], say.account, say.accountNote),
      arrow('M200 180H300'),
      text(250, 170, say.upload, 'small mid'),
      text(532, 48, say.own, 'head'),
      text(532, 68, say.ownNote, 'small'),
      step('store', [532, 96, 150, 168], 'PACS', say.pacsNote),
      step('work', [782, 96, 178, 168], say.machine, say.machineNote),
      arrow('M682 180H782'),
      lines(732, 154, say.inbox, 'small mid', 15),
      html`  <line class="wall" x1="16" y1="304" x2="984" y2="304"/>\n`,
      box('panel', 16, 320, 968, 64, 12),
      text(40, 358, say.federation, 'head'),
      arrow('M384 264V320'),
      arrow('M871 264V320'),
      text(396, 344, say.leaves, 'small'),
      text(860, 344, say.https, 'small end'),
    ];
  },
};

const PLACES = {
  en: {
    cloud: 'In the cloud',
    cloudNote: "the CTs lie in your hospital's own storage at AWS",
    hospital: 'Your hospital',
    hospitalNote: ['export from PACS,', 'import, check, upload', '', 'the list of names and', 'pseudonyms stays here'],
    account: 'Your part of the cloud',
    accountNote: ['storage', 'intake', 'training', '', 'other hospitals have', 'no access'],
    upload: 'upload',
    own: 'On your own machine',
    ownNote: 'no CT enters a cloud',
    pacsNote: ['exports into', 'a folder'],
    machine: 'A machine in your hospital',
    machineNote: ['storage', 'intake', 'training', '', 'may be switched off', 'at any time'],
    inbox: ['inbox'],
    federation: 'Federation',
    leaves: 'only model, counts, scores',
    https: 'outgoing HTTPS alone',
  },
  de: {
    cloud: 'In der Cloud',
    cloudNote: 'die CTs liegen im eigenen Speicher Ihres Krankenhauses bei AWS',
    hospital: 'Ihr Krankenhaus',
    hospitalNote: [
      'Export aus dem PACS,',
      'Import, Prüfung, Upload',
      '',
      'die Zuordnung von',
      'Namen und Pseudonymen',
      'bleibt hier',
    ],
    account: 'Ihr Teil der Cloud',
    accountNote: ['Speicher', 'Eingangsprüfung', 'Training', '', 'andere Häuser haben', 'keinen Zugriff'],
    upload: 'Upload',
    own: 'Auf eigener Maschine',
    ownNote: 'keine CT gelangt in eine Cloud',
    pacsNote: ['exportiert in', 'einen Ordner'],
    machine: 'Maschine in Ihrem Haus',
    machineNote: ['Speicher', 'Eingangsprüfung', 'Training', '', 'darf jederzeit', 'ausgeschaltet werden'],
    inbox: ['Eingangs-', 'ordner'],
    federation: 'Verbund',
    leaves: 'nur Modell, Anzahlen, Bewertungen',
    https: 'nur ausgehendes HTTPS',
  },
} satisfies Record<Language, unknown>;
