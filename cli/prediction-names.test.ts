import fc from 'fast-check';
import { expect, test } from 'vitest';
import { predictionNames } from './prediction-names.ts';

test.each([
  [
    ['ct/p1.nii.gz', 'ct/p2.nii'],
    ['p1', 'p2'],
  ],
  [
    ['p1/image.nii.gz', 'p2/image.nii.gz', 'x/other.nii'],
    ['p1-image', 'p2-image', 'other'],
  ],
  [
    ['a/p1/image.nii', 'b/p1/image.nii', 'b/p2/image.nii'],
    ['a-p1-image', 'b-p1-image', 'p2-image'],
  ],
  [
    ['p1/IMAGE.nii.gz', 'p2/image.nii.gz'],
    ['p1-IMAGE', 'p2-image'],
  ],
  [
    ['p1/image.nii', 'x/p1-image.nii', 'p2/image.nii'],
    ['tmp-p1-image', 'p1-image', 'p2-image'],
  ],
  [['p1.nii', './p1.nii', 'x/../p1.nii'], ['p1']],
  [
    ['scan', 'scan.v2.nii'],
    ['scan', 'scan.v2'],
  ],
])('%j are predicted as %j', (paths, names) => {
  expect([...predictionNames(paths.map((path) => `/tmp/${path}`)).values()]).toEqual(names);
});

test.each([[['same.nii', 'same.nii.gz']], [['x/same.nii', 'y/t.nii', 'x/same.NII.GZ']]])(
  '%j are refused before anything is written',
  (paths) => {
    expect(() => predictionNames(paths)).toThrow(/same\.nii and .*would have the same name/);
  },
);

test('no two CTs have the same name, on any file system', () => {
  const part = fc.constantFrom('a', 'A', 'b', 'a-b', 'image');
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}.nii.gz`);
  fc.assert(
    fc.property(fc.uniqueArray(path, { minLength: 1, maxLength: 6 }), (paths) => {
      let names: ReadonlyMap<string, string>;
      try {
        names = predictionNames(paths);
      } catch (error) {
        expect(error).toMatchObject({ code: 'BAD_CONFIGURATION' });
        return;
      }
      expect(new Set([...names.values()].map((name) => name.toLowerCase())).size).toBe(paths.length);
      for (const [of, name] of names) expect(of.replaceAll('/', '-')).toContain(`${name}.nii`);
    }),
  );
});
