import type { measuredEn } from './en.ts';

/** Die deutschen Texte der Messungen und ihrer Zweifel. */
export const measuredDe: typeof measuredEn = {
  titles: {
    'Hinge points and coronary ostia': 'Ansatzpunkte und Koronarostien',
    'right hinge point': 'rechter Ansatzpunkt',
    'left hinge point': 'linker Ansatzpunkt',
    'non-coronary hinge point': 'akoronarer Ansatzpunkt',
    'right ostium': 'rechtes Ostium',
    'left ostium': 'linkes Ostium',
    'Membranous septum': 'Membranöses Septum',
    'septum start': 'oberes Ende des Septums',
    'septum end': 'unteres Ende des Septums',
    Calcification: 'Kalk',
    calcium: 'Kalk',
    'Coronary arteries': 'Koronararterien',
    lumen: 'Lumen',
  },
  names: {
    'annulus-diameter': 'Durchmesser des Anulus',
    'coronary-height-right': 'Höhe des rechten Koronarostiums',
    'coronary-height-left': 'Höhe des linken Koronarostiums',
    'septum-length': 'Länge des membranösen Septums',
    'calcification-volume': 'Volumen des Kalks',
  },
  confidence: (found, least) => `Konfidenz: ${found} von mindestens ${least}`,
  component: (point, share, least) =>
    `größte zusammenhängende Komponente von ${point}: ${share} ihrer Voxel, erwartet mindestens ${least}`,
  outside: (value, low, high) => `${value}, erwartet ${low} bis ${high}`,
  distance: (from, to, range) => `Abstand ${from} zu ${to}: ${range}`,
  volume: (classes, range) => `Volumen von ${classes}: ${range}`,
  below: 'das Ostium liegt unter der Ebene des Anulus',
  line: 'die drei Ansatzpunkte liegen fast auf einer Linie',
  notFound: (points) => `nicht gefunden: ${points}`,
};
