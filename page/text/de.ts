import { campaignTexts } from './campaign/de.ts';
import type { Texts } from './en.ts';
import { hospitalDe } from './hospital/de.ts';
import { measuredDe } from './measured/de.ts';
import { pluralsOf } from './plurals.ts';
import { predictDe } from './predict/de.ts';
import { viewerDe } from './viewer/de.ts';

const plural = pluralsOf('de');

/** Die deutschen Texte. */
export const de: Texts = {
  page: {
    language: 'Sprache',
    navigation: 'Bereiche',
    skip: 'Zum Inhalt springen',
    coordinator: 'Koordination',
    siteOf: (federation) => `Standort von ${federation}`,
    noScreens: 'Diese Version hat für Ihre Rolle noch keine Ansichten.',
    notFound: 'Diese Ansicht gibt es nicht.',
    toStart: 'Zum Anfang',
  },
  states: {
    loading: 'Wird geladen …',
    failing: 'Das konnte nicht gelesen werden.',
    stale: 'Nicht aktuell. Sie sehen, was zuletzt gelesen wurde.',
    forbidden: 'Ihr Zugang umfasst das nicht.',
    noSession: 'Dieser Browser ist nicht angemeldet.',
    unreachable: 'Das Programm, das diese Seite bereitstellt, antwortet nicht.',
    restart: 'Sehen Sie in das Terminal, in dem Sie es gestartet haben, oder starten Sie es neu: fedcardio page',
    retry: 'Erneut versuchen',
    code: (code) => `Code ${code}`,
  },
  confirm: { cancel: 'Nichts ändern' },
  pager: {
    page: (page, pages) => `Seite ${page} von ${pages}`,
    next: 'Weiter',
    previous: 'Zurück',
  },
  campaigns: {
    title: 'Kampagnen',
    empty: 'Noch keine Kampagnen',
    emptyHint: 'Eine Kampagne beginnt, wenn ihre Datei hochgeladen wird:',
    campaign: 'Kampagne',
    state: 'Stand',
    stage: 'Abschnitt',
    progress: 'Fortschritt',
    waits: 'Wartet auf',
    started: 'Begonnen',
    cost: 'Kosten bisher',
    costNote: 'Kosten: eine Schätzung für AWS, wie „fedcardio cost“, für die begonnenen Runden. Keine Rechnung.',
    roundOf: (stage, round, rounds) => `${stage}, Runde ${round} von ${rounds}`,
    rounds: (done, total) => `${done} von ${plural(total, 'Runde', 'Runden')}`,
    waitsFor: (sites, until) => `${sites}, bis ${until}`,
    moreSites: (count) => `${count} weitere`,
    closing: 'niemanden: Die Runde schließt gleich',
    nothing: '–',
    unread: 'wird gelesen',
    ofTotal: (total) => `von ${total}`,
    ended: (when) => `beendet ${when}`,
    count: (count) => plural(count, 'Kampagne', 'Kampagnen'),
  },
  ...campaignTexts,
  hospital: hospitalDe,
  predict: predictDe,
  viewer: viewerDe,
  measured: measuredDe,
  phases: {
    uploaded: 'noch nicht geplant',
    running: 'läuft',
    paused: 'pausiert',
    completed: 'abgeschlossen',
    failed: 'gescheitert',
    cancelled: 'abgebrochen',
    unreadable: 'nicht lesbar',
  },
};
