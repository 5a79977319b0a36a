import { campaignTexts } from './campaign/en.ts';
import { pluralsOf } from './plurals.ts';

/** The English texts. `de.ts` has the same keys: the compiler demands each. Counts come as numbers, so that plurals fit. */

import { hospitalEn } from './hospital/en.ts';
import { measuredEn } from './measured/en.ts';
import { predictEn } from './predict/en.ts';
import { viewerEn } from './viewer/en.ts';

const plural = pluralsOf('en');

export const en = {
  page: {
    language: 'Language',
    navigation: 'Areas',
    skip: 'Skip to content',
    coordinator: 'Coordinator',
    siteOf: (federation: string) => `Site of ${federation}`,
    noScreens: 'This release has no screens for your role yet.',
    notFound: 'There is no such screen.',
    toStart: 'To the start',
  },
  states: {
    loading: 'Loading …',
    failing: 'This could not be read.',
    stale: 'Not up to date. What you see is what was read last.',
    forbidden: 'Your access does not include this.',
    noSession: 'This browser is not signed in.',
    unreachable: 'The program that serves this page does not answer.',
    restart: 'Look at the terminal in which you started it, or start it again: fedcardio page',
    retry: 'Try again',
    code: (code: string) => `Code ${code}`,
  },
  confirm: { cancel: 'Do not change anything' },
  pager: {
    page: (page: number, pages: number) => `Page ${page} of ${pages}`,
    next: 'Next',
    previous: 'Previous',
  },
  campaigns: {
    title: 'Campaigns',
    empty: 'No campaigns yet',
    emptyHint: 'A campaign starts when its file is uploaded:',
    campaign: 'Campaign',
    state: 'State',
    stage: 'Stage',
    progress: 'Progress',
    waits: 'Waits for',
    started: 'Started',
    cost: 'Cost so far',
    costNote: 'Cost: an estimate for AWS, as of “fedcardio cost”, for the rounds that have begun. Not a bill.',
    roundOf: (stage: string, round: number, rounds: number) => `${stage}, round ${round} of ${rounds}`,
    rounds: (done: number, total: number) => `${done} of ${plural(total, 'round', 'rounds')}`,
    waitsFor: (sites: string, until: string) => `${sites}, until ${until}`,
    moreSites: (count: number) => `${count} more`,
    closing: 'nobody: the round is about to close',
    nothing: '–',
    unread: 'being read',
    ofTotal: (total: string) => `of ${total}`,
    ended: (when: string) => `ended ${when}`,
    count: (count: number) => plural(count, 'campaign', 'campaigns'),
  },
  ...campaignTexts,
  hospital: hospitalEn,
  predict: predictEn,
  viewer: viewerEn,
  measured: measuredEn,
  phases: {
    uploaded: 'not planned yet',
    running: 'running',
    paused: 'paused',
    completed: 'completed',
    failed: 'failed',
    cancelled: 'cancelled',
    unreadable: 'cannot be read',
  },
};

/** The texts of a language. */
export type Texts = typeof en;
