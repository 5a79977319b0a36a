import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { createS3Client } from '../lib/aws/clients.ts';
import { DEFAULT_TASKS, TASKS } from '../lib/federation/tasks.ts';
import { names } from '../lib/federation/topology.ts';
import { useServer } from '../local/emulator/testing.ts';
import { useFolder } from './site/testing-folder.ts';
import { listText, setText } from './tasks.ts';
import { runCommand } from './testing.ts';

const { endpoint } = useServer();
const { root } = useFolder();

test('lists tasks with their classes, and says where they are declared', () => {
  const text = listText('heart', { tasks: DEFAULT_TASKS, isDefault: true });

  expect(text.split('\n')[0]).toBe('Tasks of the federation "heart", which declares none: the default ones:');
  expect(text).toMatch(/membranous-septum\s+landmarks\s+1 septum-start, 2 septum-end\s+Membranous septum/);
  expect(listText('heart', { tasks: [TASKS.calcification], isDefault: false })).toContain('tasks.json');
});

test('tells what was changed, and when sites follow', () => {
  const text = setText('heart', DEFAULT_TASKS, [{ task: 'aorta', change: 'removed' }]);

  expect(text).toContain('  aorta: removed');
  expect(text).toContain('next rescan');
  expect(setText('heart', DEFAULT_TASKS, [])).toContain('has these 4 tasks already');
});

test('names the federation of a federation.json by its id', async () => {
  const s3 = createS3Client({ endpoint: endpoint() });
  await s3.send(new CreateBucketCommand({ Bucket: names.federationBucket('heart') }));
  s3.destroy();
  const [federation, file] = [join(root(), 'federation.json'), join(root(), 'tasks.json')];
  const sites = [{ id: 'bonn', name: 'Bonn' }];
  writeFileSync(federation, JSON.stringify({ schema: 'fedcardio.federation/1', id: 'heart', sites }));
  const tasks = (...args: readonly string[]) =>
    runCommand(['tasks', ...args, '--federation', federation, '--endpoint', endpoint()]);
  const listed = await tasks('list');
  writeFileSync(file, (await tasks('list', '--json')).stdout);

  const text = await tasks('set', file);
  const json = await tasks('set', file, '--json');

  expect(listed.stdout).toContain('Tasks of the federation "heart"');
  expect(text.stdout).toContain('The federation "heart" has');
  expect(JSON.parse(json.stdout)).toMatchObject({ federation: 'heart' });
}, 60_000);
