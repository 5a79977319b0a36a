import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBatchLauncher } from '../handlers/batch/batch-launcher.ts';
import { mergeAsJobs } from '../handlers/batch/merges.ts';
import { createBatchQueue } from '../lib/aws/batch.ts';
import { type FakeBatch, type FakeJob, startFakeBatch } from '../lib/aws/testing-batch.ts';
import type { CampaignInput } from '../lib/federation/schemas.ts';
import { canonicalJson } from '../lib/json.ts';
import { pseudoLabels, student, teacher, uploadToyCase } from './helpers/campaign.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

/** Set by `npm run test:container`. */
const ENGINE = process.env.FEDCARDIO_TEST_ENGINE ?? '';
const IMAGE = process.env.FEDCARDIO_TEST_IMAGE ?? '';
const SITES = ['berlin', 'munich'];
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'contained',
  stages: [
    teacher('hinge-points', 2),
    pseudoLabels(['hinge-points']),
    student('student', ['hinge-points'], 1, 'pseudo-label'),
    { kind: 'evaluate', name: 'evaluate', models: { student: 'student' } },
  ],
};

const run = promisify(execFile);
/** Runs the image like the job definition, and returns exit code and output. */
async function container(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  entrypoint: readonly string[] = [],
) {
  const hardened = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const all = ['run', '--rm', '--network', 'host', ...hardened, ...variables, ...entrypoint, IMAGE, ...args];
  return run(ENGINE, all).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code: code as number, output: `${stdout}${stderr}` }),
  );
}

describe.skipIf(!IMAGE)('the container image', { timeout: 900_000 }, () => {
  let batch: FakeBatch;
  let federation: LocalFederation;
  const running: Promise<void>[] = [];
  const ended: { readonly job: FakeJob; readonly code: number; readonly output: string }[] = [];

  beforeAll(async () => {
    batch = await startFakeBatch((job) => void running.push(runJob(job)));
    const connection = {
      endpoint: batch.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    };
    const queue = createBatchQueue({ ...connection, jobQueue: 'queue', jobDefinition: 'definition' });
    federation = await startLocalFederation({
      sites: SITES,
      launcher: (context) => ({
        submit: (message, deadline) =>
          createBatchLauncher({ ...context, queue, site: message.site }).submit(message, deadline),
      }),
      extend: (context) => ({ delegateMerge: mergeAsJobs({ ...context, queue, maxBytes: 0 }) }),
    });
  });
  afterAll(async () => {
    await federation?.close();
    await batch?.close();
  });

  /** Runs a job's first attempt as Batch would. */
  async function runJob(job: FakeJob): Promise<void> {
    const { containerOverrides } = job.request as {
      containerOverrides: { environment: { name: string; value: string }[] };
    };
    job.status = 'RUNNING';
    const { code, output } = await container({
      FEDCARDIO_ENDPOINT: federation.endpoint,
      FEDCARDIO_FEDERATION: canonicalJson(federation.federation),
      ...Object.fromEntries(containerOverrides.environment.map(({ name, value }) => [name, value])),
    });
    job.status = code === 0 ? 'SUCCEEDED' : 'FAILED';
    ended.push({ job, code, output });
  }

  test('runs as an unprivileged user on a read-only file system, without a shell', async () => {
    const script = `
      const attempt = (path) => { try { require('fs').writeFileSync(path, ''); return 'written'; } catch (e) { return e.code; } };
      console.log(JSON.stringify([process.getuid(), process.getgid(), attempt('/opt/x'), attempt('/tmp/x'), require('fs').readdirSync('/bin')]))`;
    const { output } = await container({}, ['-e', script], ['--entrypoint', '/bin/node']);
    expect(JSON.parse(output)).toEqual([1000, 1000, 'EROFS', 'written', ['node']]);
  });

  test('exits with 2 for an invalid GPU task or merge', async () => {
    for (const env of [{ FEDCARDIO_TASK: '{}' }, { FEDCARDIO_MERGE: '{}', FEDCARDIO_FEDERATION: '{}' }]) {
      expect(await container(env)).toMatchObject({ code: 2 });
    }
  });

  test('runs all GPU tasks and merges of a campaign', async () => {
    for (const [i, site] of SITES.entries()) {
      const store = federation.siteStore(site);
      for (const [id, use, labels] of [
        ['p1', 'training', ['hinge-points']],
        ['p2', 'training', []],
        ['p3', 'evaluation', ['hinge-points']],
      ] as const) {
        await uploadToyCase(store, { site, id, use, labels }, 10 * i + Number(id.slice(1)));
      }
    }
    await federation.idle();

    const outcome = await federation.run(CAMPAIGN);

    // A campaign ends when a container writes its result, before the container ends.
    await Promise.all(running);
    expect(ended.filter(({ code }) => code !== 0).map(({ output }) => output)).toEqual([]);
    expect(outcome.status).toBe('completed');
    const jobs = ended.map(({ job }) => job.jobName).sort();
    const tasks = [
      'teacher__hinge-points_0001',
      'teacher__hinge-points_0002',
      'pseudo-label_0001',
      'student_0001',
      'evaluate_0001',
    ];
    const merges = ['teacher__hinge-points_0001', 'teacher__hinge-points_0002', 'student_0001'];
    expect(jobs).toEqual(
      [
        ...tasks.flatMap((task) => SITES.map((site) => `contained_${task}_${site}`)),
        ...merges.map((merge) => `contained_${merge}`),
      ].sort(),
    );
    expect(ended.map(({ output }) => output).join('\n')).toContain('native TensorFlow');
  });
});
