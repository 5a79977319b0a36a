import type { viewerEn } from './en.ts';

/** Die deutschen Texte der Ansicht von CTs. */
export const viewerDe: typeof viewerEn = {
  noWebgl: 'Dieser Browser bietet kein WebGL 2, das zum Zeichnen einer CT nötig ist. Die Angaben stehen unten.',
  noWebglHint:
    'Erlauben Sie in seinen Einstellungen die Hardwarebeschleunigung, oder nehmen Sie einen anderen Browser.',
  loading: (done, total) => `Die CT wird geladen: ${done} von ${total}`,
  drawing: 'Wird gezeichnet …',
  viewer: 'Axiale, koronale und sagittale Ebene und Volumen der CT',
  keys: 'Wenn das Bild den Fokus hat: Pfeiltasten bewegen nach links, rechts, vorn, hinten; Bild auf und Bild ab nach oben und unten. Ziehen oder Berühren bewegt, Ziehen mit der rechten Taste ändert das Fenster, Scrollen oder Spreizen blättert.',
  window: 'Fenster',
  windows: {
    heart: 'Herz mit Kontrastmittel',
    calcium: 'Kalk',
    soft: 'Weichteile',
    lung: 'Lunge',
    all: 'Alle Werte',
  },
  view: 'Ansicht',
  views: { all: 'Alle vier', axial: 'Axial', coronal: 'Koronal', sagittal: 'Sagittal', volume: 'Volumen' },
  at: (mm, hu) => `${mm} mm (R A S), ${hu}`,
  near: (title, mm) => `${title}, ${mm} mm entfernt`,
  layers: 'Auf der CT',
  opacity: 'Deckkraft der Ebenen',
  points: 'Landmarken',
  go: (title) => `Zu ${title}`,
  missing: 'nicht gefunden',
  measure: 'Abstand zweier Landmarken',
  fromPoint: 'Von',
  toPoint: 'Nach',
  distance: (mm) => `${mm} mm`,
  hu: (low, high) => `${low} bis ${high} HU`,
};
