import { expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { names } from '../../lib/federation/topology.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { scenarioOf } from '../demo/scenario.ts';
import { eventOfWrite, observeWrites } from './observe.ts';

const { federation } = scenarioOf({ profile: 'quick', seed: 1 });
const site = names.siteBucket(federation.id, 'berlin');
const shared = names.federationBucket(federation.id);

test('returns events for the writes of intake and aggregation only', () => {
  const commit = federationKeys.commit({ campaign: 'c', stage: 'teacher/hinge-points', round: 2 });
  expect(eventOfWrite(federation, site, siteKeys.catalog('p001'))).toEqual({
    type: 'cataloged',
    site: 'berlin',
    caseId: 'p001',
  });
  expect(eventOfWrite(federation, site, siteKeys.rejected('p9'))).toEqual({
    type: 'rejected',
    site: 'berlin',
    caseId: 'p9',
  });
  expect(eventOfWrite(federation, shared, commit)).toEqual({ type: 'commit', stage: 'teacher/hinge-points', round: 2 });
  expect(eventOfWrite(federation, site, 'cases/p001/image.nii.gz')).toBeUndefined();
  expect(eventOfWrite(federation, shared, commit.replace('commit', 'seal'))).toBeUndefined();
});

test('reports successful writes only', async () => {
  const written: string[] = [];
  const openBucket = observeWrites(createMemoryStorage(), (_, key) => written.push(key));
  await openBucket('b').put('one', '1');
  await openBucket('b').putIfAbsent('two', '2');
  await openBucket('b').putIfAbsent('two', '3');
  await expect(openBucket('b').put('one', '4', { ifNoneMatch: '*' })).rejects.toMatchObject({
    code: 'PRECONDITION_FAILED',
  });
  expect(written).toEqual(['one', 'two']);
});
