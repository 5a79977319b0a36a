import type { Texts } from '../text/en.ts';
import { titleText } from './titles.ts';

type Words = Texts['measured'];

/** Several titles in one text. */
const titlesText = (list: string, words: Words): string =>
  list
    .split(', ')
    .map((title) => titleText(title, words))
    .join(', ');

/** The forms of a doubt, and of a reason why nothing was measured: lib/scoring/measurements.ts, lib/training/plausibility.ts. */
const FORMS: readonly (readonly [RegExp, (words: Words, ...parts: readonly string[]) => string])[] = [
  [/^confidence: (\S+) of at least (\S+)$/, (words, found = '', least = '') => words.confidence(found, least)],
  [
    /^largest component of (.+): (\S+) of its voxels, expected at least (\S+)$/,
    (words, point = '', share = '', least = '') => words.component(titleText(point, words), share, least),
  ],
  [
    /^distance (.+) to (.+): (.+)$/,
    (words, from = '', to = '', range = '') =>
      words.distance(titleText(from, words), titleText(to, words), doubtText(range, words)),
  ],
  [
    /^volume of (.+): (.+)$/,
    (words, classes = '', range = '') => words.volume(titlesText(classes, words), doubtText(range, words)),
  ],
  [/^(\S+ mm³?) of (\S+) to (\S+)$/, (words, value = '', low = '', high = '') => words.outside(value, low, high)],
  [/^not found: (.+)$/, (words, points = '') => words.notFound(titlesText(points, words))],
  [/^the ostium lies below the plane of the annulus$/, ({ below }) => below],
  [/^the three hinge points lie nearly on one line$/, ({ line }) => line],
];

/** A doubt of a measurement or a prediction in the viewer's language. One of another form is shown as it is. */
export function doubtText(doubt: string, words: Words): string {
  for (const [form, text] of FORMS) {
    const found = form.exec(doubt);
    if (found) return text(words, ...found.slice(1));
  }
  return doubt;
}
