import { expect, test } from 'vitest';
import { externalScannerOf, scannerOf } from './scanner.ts';

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

test('a site keeps its scanner, and another seed changes its settings slightly', () => {
  expect(scannerOf(3, 1)).toEqual(scannerOf(3, 1));
  expect(scannerOf(3, 2)).not.toEqual(scannerOf(3, 1));
  expect(scannerOf(3, 2).name).toBe(scannerOf(3, 1).name);
});

test('eight sites have eight kinds of scanner, with more than one orientation, spacing and contrast phase', () => {
  const scanners = EIGHT.map((site) => scannerOf(site, 1));
  const different = (value: (scanner: (typeof scanners)[number]) => unknown) => new Set(scanners.map(value)).size;
  expect(different((s) => s.name)).toBe(8);
  expect(different((s) => s.orientation)).toBeGreaterThan(3);
  expect(different((s) => `${s.pixelMm} ${s.sliceMm}`)).toBeGreaterThan(4);
  const blood = scanners.map((s) => s.leftBloodHu);
  expect(Math.max(...blood) - Math.min(...blood)).toBeGreaterThan(100);
  const noise = scanners.map((s) => s.noiseHu);
  expect(Math.max(...noise) / Math.min(...noise)).toBeGreaterThan(2);
});

test('settings are those of a contrast-enhanced cardiac CT', () => {
  for (const scanner of EIGHT.flatMap((site) => [1, 2, 3].map((seed) => scannerOf(site, seed)))) {
    expect(scanner.pixelMm).toBeGreaterThanOrEqual(1);
    expect(scanner.sliceMm).toBeLessThanOrEqual(2.5);
    expect(scanner.leftBloodHu).toBeGreaterThan(250);
    expect(scanner.leftBloodHu).toBeLessThan(520);
    expect(scanner.rightBloodHu).toBeGreaterThan(130);
    expect(scanner.rightBloodHu).toBeLessThan(scanner.leftBloodHu);
  }
});

test('the ninth site has the same kind of scanner as the first', () => {
  expect(scannerOf(8, 1).name).toBe(scannerOf(0, 1).name);
});

test('external sites have scanners beyond the range of the eight', () => {
  const eight = EIGHT.map((site) => scannerOf(site, 1));
  const range = (value: (scanner: (typeof eight)[number]) => number) => {
    const values = eight.map(value);
    return [Math.min(...values), Math.max(...values)] as const;
  };
  const [blood, blur, pixel] = [range((s) => s.leftBloodHu), range((s) => s.blurMm), range((s) => s.pixelMm)];
  for (const [index, seed] of [
    [0, 1],
    [1, 1],
    [0, 7],
    [1, 7],
  ] as const) {
    const { name, leftBloodHu, rightBloodHu, blurMm, pixelMm } = externalScannerOf(index, seed);

    expect(eight.map((scanner) => scanner.name)).not.toContain(name);
    expect(leftBloodHu < blood[0] || leftBloodHu > blood[1]).toBe(true);
    expect(blurMm < blur[0] || blurMm > blur[1] || pixelMm < pixel[0]).toBe(true);
    expect(rightBloodHu).toBeLessThan(leftBloodHu);
  }
});
