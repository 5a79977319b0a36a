import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { gpuTaskMessage } from '../lib/federation/testing.ts';
import { names } from '../lib/federation/topology.ts';
import { s3Objects } from './s3-event.ts';
import { subjectOfMessage, subjectOfObjects } from './subject.ts';

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

describe('the subject', () => {
  test.each([
    ['a GPU task message', gpuTaskMessage({ ...AT, site: 'munich' }), { ...AT, site: 'munich' }],
    ['a broken message', { campaign: 7, stage: 'a', round: '1', site: 'munich' }, { stage: 'a', site: 'munich' }],
    ['a body that is not an object', 'hello', {}],
  ])('of %s has its fields', (_, body, subject) => {
    expect(subjectOfMessage(body)).toEqual(subject);
  });

  test.each([
    ['an update', s3(federationBucket, federationKeys.update(AT, 'berlin', 'failed')), AT],
    ['a campaign', s3(federationBucket, federationKeys.campaign('tavi')), { campaign: 'tavi' }],
    ['an upload', s3(names.siteBucket('heart', 'berlin'), siteKeys.image('training', 'p1')), { site: 'berlin' }],
    ['an upload to an unknown bucket', s3('other', 'cases/p1/image.nii.gz'), {}],
    ['the test event of S3', { Event: 's3:TestEvent' }, {}],
  ])('of %s comes from its first object', (_, body, subject) => {
    expect(subjectOfObjects(s3Objects(body), FEDERATION)).toEqual(subject);
  });
});
