import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  federationKeys,
  isPassedOver,
  isStrayKey,
  parseCampaignKey,
  parseCaseKey,
  parseRoundKey,
  parseUpdateKey,
  roundOf,
  siteKeys,
} from './keys.ts';

const id = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?$/);
/** Digits could be mistaken for a round. */
const part = fc.oneof(id, fc.constantFrom('0001', '2024', 'updates'));
const stage = fc.oneof(
  part,
  fc.tuple(part, part).map((parts) => parts.join('/')),
);
const address = fc.record({ campaign: part, stage, round: fc.integer({ min: 1, max: 20_000 }) });

describe('round keys', () => {
  test('are parsed as they were built, whatever the names', () => {
    fc.assert(
      fc.property(address, part, fc.constantFrom('0a1b', 'failed'), (at, site, update) => {
        for (const make of [federationKeys.open, federationKeys.seal, federationKeys.commit]) {
          expect(parseRoundKey(make(at))?.at).toEqual(at);
        }
        expect(roundOf(federationKeys.global(at, 'ab12'))).toEqual(at);
        const key = federationKeys.update(at, site, update);
        expect(roundOf(key)).toEqual(at);
        expect(parseRoundKey(key)).toBeUndefined();
        expect(parseUpdateKey(key)).toEqual({ at, site, id: update, name: `${update}.update.json` });
        expect(parseCampaignKey(federationKeys.open(at))).toBe(at.campaign);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    'campaigns/c/plan.json',
    'campaigns/c/s/0000/open.json',
    'campaigns/c/s/00001/open.json',
    'campaigns/c/s/1/open.json',
    'campaigns/c/s/0001/',
    'sites/x/summary.json',
  ])('are not %s', (key) => {
    expect(parseRoundKey(key)).toBeUndefined();
  });

  test('do not take weights for updates', () => {
    const at = { campaign: 'c', stage: 's', round: 1 };
    const key = federationKeys.updateWeights(at, 'munich', 'ab');
    expect(parseUpdateKey(key)).toEqual({ at, site: 'munich', id: undefined, name: 'ab.safetensors' });
  });

  test('do not take what a site sends for an object of the coordinator', () => {
    for (const name of ['open.json', 'seal.json', 'commit.json', '0001/open.json']) {
      expect(parseRoundKey(`updates/munich/c/s/0001/${name}`)).toBeUndefined();
    }
  });
});

describe('case keys', () => {
  test('distinguish images, labels and markups', () => {
    expect(parseCaseKey(siteKeys.image('training', 'p7'))).toEqual({
      use: 'training',
      caseId: 'p7',
      part: { kind: 'image' },
    });
    expect(parseCaseKey(siteKeys.label('evaluation', 'p7', 'calcification'))?.part).toEqual({
      kind: 'label',
      task: 'calcification',
      format: 'class-map',
    });
    expect(parseCaseKey(siteKeys.markups('training', 'p7', 'hinge-points'))?.part).toMatchObject({ format: 'markups' });
    expect(parseCaseKey('cases/p7/labels/liver.nii.gz')?.part).toMatchObject({ kind: 'label', task: 'liver' });
    expect(parseCaseKey('cases/p7/labels/liver.nii')?.part).toMatchObject({ task: 'liver', format: 'class-map' });
    expect(parseCaseKey('cases/p7/labels/liver.nrrd')?.part).toEqual({ kind: 'unknown', name: 'labels/liver.nrrd' });
    expect(parseCaseKey('catalog/p7.json')).toBeUndefined();
  });

  test('leave no case without room for the keys of its documents', () => {
    const bytes = (key: string) => Buffer.byteLength(key);
    const key = fc
      .tuple(fc.constantFrom('cases/', 'held-out/'), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1000 }))
      .map(([folder, name]) => `${folder}${name.replaceAll('/', '')}/x`)
      // S3 accepts no longer keys.
      .filter((key) => bytes(key) <= 1024 && !isPassedOver(key));
    fc.assert(
      fc.property(fc.oneof(key, fc.constant(`cases/${'p'.repeat(1016)}/x`)), (key) => {
        const id = parseCaseKey(key)?.caseId;
        expect(isStrayKey(key)).toBe(id === undefined);
        const documents =
          id === undefined ? [siteKeys.rejectedStray(key)] : [siteKeys.catalog(id), siteKeys.rejected(id)];
        for (const document of documents) expect(bytes(document)).toBeLessThanOrEqual(1024);
      }),
    );
  });

  test.each([
    'cases/p7/',
    'cases/p7/labels/',
    'cases/p7/._image.nii.gz',
    'held-out/p7/labels/._calcification.nii.gz',
    'cases/p7/.DS_Store',
    'cases/p7/labels/Thumbs.db',
    'cases/p7/desktop.ini',
    'cases/.DS_Store',
    'cases/._p7',
    'cases/__MACOSX/p7/image.nii.gz',
    'cases/p7/@eaDir/image.nii.gz/SYNOINDEX_MEDIA_INFO',
    'catalog/',
    'catalog/.ds_store',
  ])('passes over %s', (key) => {
    expect([isPassedOver(key), parseCaseKey(key)]).toEqual([true, undefined]);
  });

  test.each(['cases/p7/image.nii.gz', 'cases/.p7/image.nii.gz', 'cases/._p7/image.nii.gz', 'cases/Thumbs.db.p7/x'])(
    'does not pass over %s',
    (key) => {
      expect(parseCaseKey(key)).toBeDefined();
    },
  );

  test('give each object outside any case its own rejection, apart from those of cases', () => {
    const keys = [
      'cases//d1/image.nii.gz',
      'cases//d2/image.nii.gz',
      'cases/scan.nii.gz',
      'held-out/scan.nii.gz',
      'cases/k2',
    ];
    const rejections = [...keys.map(siteKeys.rejectedStray), siteKeys.rejected('k2')];
    expect(new Set(rejections).size).toBe(rejections.length);
  });
});
