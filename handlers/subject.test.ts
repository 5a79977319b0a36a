import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { gpuTaskMessage } from '../lib/federation/testing.ts';
import { names } from '../lib/federation/topology.ts';
import { subjectOf } from './subject.ts';

const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: [{ id: 'berlin', name: 'Berlin' }],
};
const AT = { campaign: 'tavi', stage: 'teacher/hinge-points', round: 2 };

const s3 = (bucket: string, key: string) => ({
  Records: [
    {
      eventVersion: '2.1',
      eventName: 'ObjectCreated:Put',
      eventTime: '2026-01-01T00:00:00.000Z',
      s3: { bucket: { name: bucket }, object: { key } },
    },
  ],
});
const federationBucket = names.federationBucket('heart');

describe('the subject of a message', () => {
  test.each([
    ['a task', gpuTaskMessage({ ...AT, site: 'munich' }), { ...AT, site: 'munich' }],
    ['a task that is broken', { campaign: 7, stage: 'a', round: '1', site: 'munich' }, { stage: 'a', site: 'munich' }],
    ['an update', s3(federationBucket, federationKeys.update(AT, 'berlin', 'failed')), AT],
    ['a campaign', s3(federationBucket, federationKeys.campaign('tavi')), { campaign: 'tavi' }],
    ['an upload', s3(names.siteBucket('heart', 'berlin'), siteKeys.image('training', 'p1')), { site: 'berlin' }],
    ['an upload to a bucket of nobody', s3('other', 'cases/p1/image.nii.gz'), {}],
    ['a key that is not encoded', s3(federationBucket, '%'), {}],
    ['the test event of S3', { Event: 's3:TestEvent' }, {}],
    ['no object', 'hello', {}],
  ])('of %s', (_, body, subject) => {
    expect(subjectOf(body, FEDERATION)).toEqual(subject);
  });
});
