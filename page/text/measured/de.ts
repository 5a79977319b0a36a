import type { measuredEn } from './en.ts';

/** Die deutschen Texte der Messungen und ihrer Zweifel. */
export const measuredDe: typeof measuredEn = {
  names: {
    'annulus-diameter': 'Durchmesser des Anulus',
    'coronary-height-right': 'Höhe des rechten Koronarostiums',
    'coronary-height-left': 'Höhe des linken Koronarostiums',
    'septum-length': 'Länge des membranösen Septums',
    'calcification-volume': 'Volumen des Kalks',
  },
  confidence: (found, least) => `Konfidenz: ${found} von mindestens ${least}`,
  outside: (value, low, high) => `${value}, erwartet ${low} bis ${high}`,
  distance: (from, to, range) => `Abstand ${from} zu ${to}: ${range}`,
  volume: (classes, range) => `Volumen von ${classes}: ${range}`,
  below: 'das Ostium liegt unter der Ebene des Anulus',
  line: 'die drei Hinge-Punkte liegen fast auf einer Linie',
  notFound: (points) => `nicht gefunden: ${points}`,
};
