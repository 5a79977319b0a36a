import { expect, test } from 'vitest';
import { TASKS } from '../../lib/federation/tasks.ts';
import { bucketsOf, nextSteps } from './next-steps.ts';

const RUNNING = {
  federation: { schema: 'fedcardio.federation/1' as const, id: 'heart', sites: [{ id: 'ulm', name: 'Ulm' }] },
  endpoint: 'http://127.0.0.1:4566',
};

test('names the buckets', () => {
  expect(bucketsOf(RUNNING.federation)).toEqual({ federation: 'heart-federation', sites: { ulm: 'heart-site-ulm' } });
});

test.each([
  ['hinge-points', 'hinge-points.mrk.json'],
  ['calcification', 'calcification.nii.gz'],
] as const)('has commands with all their options, and a label of %s', (task, file) => {
  const steps = nextSteps({ ...RUNNING, tasks: [TASKS[task]] });

  expect(steps).toContain(
    `aws --endpoint-url http://127.0.0.1:4566 s3 cp ${file} s3://heart-site-ulm/cases/p001/labels/${file}`,
  );
  const ours = steps.split('\n').filter((line) => line.includes('npx fedcardio'));
  expect(ours.length).toBeGreaterThan(1);
  for (const line of ours) expect(line).toMatch(/ --endpoint http:\/\/127\.0\.0\.1:4566 --federation heart$/);
});

test('has the machines of on-premises sites, whose buckets are elsewhere', () => {
  const principal = 'arn:aws:iam::111122223333:role/kiel';
  const kiel = { id: 'kiel', name: 'Kiel', place: 'on-premises', principal } as const;
  const federation = { ...RUNNING.federation, sites: [...RUNNING.federation.sites, kiel] };

  const steps = nextSteps({ ...RUNNING, federation, tasks: [TASKS['hinge-points']], file: 'my heart.json' });

  expect(bucketsOf(federation)).toEqual(bucketsOf(RUNNING.federation));
  expect(steps).toMatch(
    /npx fedcardio site run kiel --federation 'my heart.json' --endpoint http:\/\/127.0.0.1:4566 --port 0$/,
  );
});
