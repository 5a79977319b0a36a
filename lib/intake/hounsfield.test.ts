import { describe, expect, test } from 'vitest';
import { isFedcardioError } from '../error.ts';
import { createHistogram } from '../imaging/histogram.ts';
import { generatePhantom } from '../phantom/phantom.ts';
import { scannerOf } from '../phantom/scanner.ts';
import { seededRandom, uniform } from '../random.ts';
import { checkHounsfield } from './hounsfield.ts';

type Values = Float32Array<ArrayBuffer>;

function refusal(values: Values): string | undefined {
  const histogram = createHistogram();
  // In pieces, as from a file.
  for (let at = 0; at < values.length; at += 1000) {
    histogram.add(values.subarray(at, at + 1000), { slope: 1, intercept: 0 });
  }
  try {
    checkHounsfield(histogram);
  } catch (error) {
    expect(isFedcardioError(error, 'BAD_IMAGE') && error.hint).toBeTruthy();
    return (error as Error).message;
  }
  return undefined;
}

interface Tissue {
  readonly share: number;
  readonly hu: number;
  readonly deviation: number;
}
const tissue = (share: number, hu: number, deviation = 15): Tissue => ({ share, hu, deviation });

/** Voxels of tissues with noise. The sum of four uniform numbers is nearly normal. */
function mixture(...tissues: readonly Tissue[]): Values {
  const random = seededRandom('hounsfield');
  const noise = () => [0, 0, 0, 0].reduce((sum) => sum + uniform(random, -1, 1), 0) * Math.sqrt(0.75);
  return Float32Array.from(
    tissues.flatMap(({ share, hu, deviation }) =>
      Array.from({ length: Math.round(share * 20_000) }, () => Math.round(hu + deviation * noise())),
    ),
  );
}

const AIR = tissue(0.39, -1000);
const LUNG = tissue(0.18, -830, 40);
const FAT = tissue(0.12, -100);
const MUSCLE = tissue(0.25, 50);
const BLOOD = tissue(0.05, 350, 25);
const BONE = tissue(0.01, 700, 200);
const chest = mixture(AIR, LUNG, FAT, MUSCLE, BLOOD, BONE);

const CTS: readonly (readonly [what: string, values: Values])[] = [
  ['a chest with contrast', chest],
  ['a chest without contrast', mixture(AIR, LUNG, FAT, tissue(0.3, 45), BONE)],
  ['a low dose', mixture(tissue(0.39, -1000, 60), tissue(0.18, -830, 80), tissue(0.12, -100, 60), tissue(0.3, 50, 60))],
  [
    'a heart without air around it',
    mixture(tissue(0.2, -850, 50), tissue(0.2, -90), tissue(0.4, 60), tissue(0.2, 400, 30)),
  ],
  ['a heart without lung', mixture(tissue(0.1, -90), tissue(0.5, 60), tissue(0.4, 400, 30))],
  [
    'blood at 70 kV, without lung',
    mixture(tissue(0.1, -110), tissue(0.3, 60), tissue(0.5, 750, 40), tissue(0.1, 1100, 200)),
  ],
  ['an abdomen', mixture(tissue(0.35, -1000), tissue(0.3, -105), tissue(0.33, 50), tissue(0.02, 300, 150))],
  ['a head', mixture(tissue(0.5, -1000), tissue(0.02, -100, 30), tissue(0.35, 35, 8), tissue(0.13, 900, 300))],
  ['metal', mixture(AIR, LUNG, FAT, MUSCLE, BLOOD, tissue(0.03, 2900, 150))],
  ['mostly air', mixture(tissue(0.96, -1000), tissue(0.01, -100), tissue(0.03, 50))],
  ...[-1024, -2000, -3024, -32768].map((padding) => {
    return [`padding of ${padding}`, Float32Array.from(chest, (hu, i) => (i % 5 === 0 ? padding : hu))] as const;
  }),
  ['blackened outside the heart', Float32Array.from(mixture(FAT, MUSCLE, BLOOD), (hu, i) => (i % 3 > 0 ? -1024 : hu))],
  ['12 bits, saturated', chest.map((hu, i) => (i % 50 === 0 ? 3071 : Math.max(-1024, hu)))],
  ['fractions', chest.map((hu) => hu + 0.37)],
];

describe('a CT in HU passes', () => {
  test.each(CTS)('%s', (_what, values) => {
    expect(refusal(values)).toBeUndefined();
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])('phantoms of scanner %d, with and without contrast', (site) => {
    const scanner = scannerOf(site, 3);
    for (const contrast of [1, 0.15]) {
      const { leftBloodHu, rightBloodHu } = scanner;
      const blood = { leftBloodHu: contrast * leftBloodHu, rightBloodHu: contrast * rightBloodHu };
      const { image } = generatePhantom({ seed: site, scanner: { ...scanner, ...blood }, fieldOfViewMm: 72 });
      expect(refusal(Float32Array.from(image.data))).toBeUndefined();
    }
  });
});

const mean = chest.reduce((sum, hu) => sum + hu, 0) / chest.length;
const deviation = Math.sqrt(chest.reduce((sum, hu) => sum + (hu - mean) ** 2, 0) / chest.length);
const clipped = (low: number, high: number) => chest.map((hu) => Math.max(low, Math.min(high, hu)));
const byte = clipped(-160, 240).map((hu) => Math.round(((hu + 160) / 400) * 255));

const WRONG: readonly (readonly [what: string, values: Values, reason: RegExp])[] = [
  ['z-scores', chest.map((hu) => (hu - mean) / deviation), /nearly all lie between -1 and/],
  ['−1 … 1', chest.map((hu) => hu / 1024), /nearly all lie between -1 and 1;/],
  ['z-scores, padded', chest.map((hu, i) => (i % 5 === 0 ? -1024 : (hu - mean) / deviation)), /nearly all lie between/],
  ['0 … 255', byte, /from 0 to 255, are not HU: air and fat are below 0 HU/],
  ['−128 … 127', byte.map((value) => value - 128), /are not HU/],
  ['+1024', chest.map((hu) => Math.max(0, hu + 1024)), /air and fat are below 0 HU/],
  ['+1024, noise below 0', chest.map((hu) => hu + 1024), /the median inside the body is 10\d\d;/],
  [
    '+1024, more noise',
    mixture(tissue(0.4, 24, 60), tissue(0.2, 200, 60), tissue(0.3, 1064, 60)),
    /inside the body is 10\d\d/,
  ],
  [
    '+1024, of a heart alone',
    mixture(tissue(0.1, 930), tissue(0.4, 1080), tissue(0.2, 1420), tissue(0.001, -1)),
    /inside the body/,
  ],
  ...[-1024, -2000, -3024, -32768].map((padding) => {
    const values = chest.map((hu, i) => (i % 4 === 0 ? padding : hu + 1024));
    return [`+1024, padded with ${padding}`, values, /the median inside the body is 10\d\d;/] as const;
  }),
  ['the intercept twice', chest.map((hu) => hu - 1024), /there is no soft tissue/],
  ['a window of −160 … 240', clipped(-160, 240), /cut off at 240 HU, which [\d.]+ % of the voxels have/],
  ['a window of −1000 … 400', clipped(-1000, 400), /cut off at 400 HU/],
  ['−200 … 3000', clipped(-200, 3000), /cut off at -200 HU/],
  [
    'air only',
    mixture(tissue(0.9, -1000), tissue(0.1, -850, 30)).map((hu) => Math.min(-770, Math.max(-1024, hu))),
    /no soft tissue|nearly all/,
  ],
  [
    'an MR that was interpolated',
    mixture(tissue(0.5, 0, 4), tissue(0.4, 300, 80), tissue(0.1, 700, 80)),
    /air, lung or fat/,
  ],
  ['two values of air', chest.map((_, i) => (i === 5 ? -500 : -1000)), /nearly all lie between -1000 and -1000/],
  ['padding only', chest.map((_, i) => -2000 - (i % 2)), /nothing in a body is below/],
  ['int16 that was read as uint16', chest.map((hu) => (hu < 0 ? hu + 65536 : hu) - 1024), /16 bits/],
  ['below 16 bits with an intercept', chest.map((hu, i) => (i === 0 ? -65_537 : hu)), /16 bits/],
];

/** The share of voxels with this value, as it is written. */
const shareOf = (values: Values, hu: number) =>
  `${Number(((100 * values.filter((value) => Math.round(value) === hu).length) / values.length).toPrecision(2))} %`;

describe('other values are refused with what was found', () => {
  test.each(WRONG)('%s', (_what, values, reason) => {
    expect(refusal(values)).toMatch(reason);
  });

  test('cut values with their share of the voxels', () => {
    const [above, below] = [clipped(-160, 240), clipped(-200, 3000)];

    expect(refusal(above)).toContain(`cut off at 240 HU, which ${shareOf(above, 240)} of the voxels have`);
    expect(refusal(below)).toContain(`cut off at -200 HU, which ${shareOf(below, -200)} of the voxels have`);
  });
});
