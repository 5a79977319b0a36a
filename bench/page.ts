import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { table } from '../cli/table.ts';
import { mapConcurrently } from '../lib/async.ts';
import { createS3Client } from '../lib/aws/clients.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { FedcardioError } from '../lib/error.ts';
import type { Score } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { BROWSER, startBrowser } from '../test/helpers/browser.ts';
import { campaignDocuments } from '../test/helpers/campaign-documents.ts';
import { type Document, generatedFederation } from '../test/helpers/documents.ts';
import { resultDocuments } from '../test/helpers/result-documents.ts';
import { significant } from './figures/numbers.ts';
import { openScreen, type ScreenFigures } from './page/open-screen.ts';
import { siteDocuments } from './page/site-documents.ts';
import { startServer } from './processes/local-server.ts';

export const summary = 'The page in a browser: a campaign of 1,000 sites and 50 rounds, a site with 10,000 cases';

const SITES = Number(process.env.FEDCARDIO_BENCH_SITES ?? 1000);
const ROUNDS = Number(process.env.FEDCARDIO_BENCH_ROUNDS ?? 50);
const CASES = Number(process.env.FEDCARDIO_BENCH_CASES ?? 10_000);
const WRITERS = 32;

const FEDERATION = generatedFederation(SITES, 'bench');
const IDS = FEDERATION.sites.map(({ id }) => id);
const [SITE = ''] = IDS;

/** Screens that are measured, by whose page they are on. */
const SCREENS: Readonly<Record<'coordinator' | 'site', Readonly<Record<string, string>>>> = {
  coordinator: {
    campaigns: '#/campaigns',
    campaign: '#/campaigns/bench',
    chain: '#/campaigns/bench/chain',
    results: '#/campaigns/scored/results',
    operations: '#/operations',
  },
  site: { cases: '#/cases', sent: '#/sent' },
};

/**
 * Opens the page over generated documents in the embedded server, with Chromium. FEDCARDIO_BENCH_SITES, _ROUNDS and _CASES
 * set other sizes.
 *
 * @returns figures by screen; `firstRow` should be at most 2 s
 */
export async function run(): Promise<Readonly<Record<string, ScreenFigures>>> {
  if (BROWSER === undefined) {
    throw new FedcardioError('BAD_CONFIGURATION', 'No browser was found.', {
      hint: 'Install Chromium, or name one with FEDCARDIO_BROWSER.',
    });
  }
  const { endpoint, stop } = await startServer();
  const work = await mkdtemp(join(tmpdir(), 'fedcardio-bench-'));
  const browser = await startBrowser();
  try {
    console.error(`Writing a campaign of ${SITES} sites and ${ROUNDS} rounds, and a site of ${CASES} cases …`);
    await store(endpoint, names.federationBucket('bench'), [
      campaignDocuments({ id: 'bench', sites: IDS, rounds: ROUNDS }),
      resultDocuments('scored', Object.fromEntries(IDS.map(scoresOf))),
    ]);
    await store(endpoint, names.siteBucket('bench', SITE), [siteDocuments(SITE, CASES)]);
    const figures: Record<string, ScreenFigures> = {};
    for (const [role, screens] of Object.entries(SCREENS)) {
      const served = { endpoint, declared: FEDERATION, work, ...(role === 'site' && { site: SITE }) };
      for (const [name, hash] of Object.entries(screens)) {
        figures[name] = await openScreen(browser, served, hash);
        console.error(`${name}: first row after ${figures[name].firstRow} s`);
      }
    }
    console.error(`${tableOf(figures).join('\n')}\n`);
    return figures;
  } finally {
    await browser.close();
    await stop();
    await rm(work, { recursive: true, force: true });
  }
}

/** Scores of two models at a site. One site in twenty has not answered. */
function scoresOf(site: string, index: number): readonly [string, readonly Score[] | undefined] {
  const errors = [1 + (index % 7), 2 + (index % 5), index % 3 === 0 ? null : 4];
  const score = (model: string): Score => ({ model, task: 'hinge-points', errors: { 'hinge-right': errors } });
  return [site, index % 20 === 19 ? undefined : [score('s'), score('control')]];
}

async function store(endpoint: string, bucket: string, parts: readonly Iterable<Document>[]): Promise<void> {
  await createS3Client({ endpoint }).send(new CreateBucketCommand({ Bucket: bucket }));
  const objects = createObjectStorage({ endpoint })(bucket);
  let batch: Document[] = [];
  const flush = async () => {
    await mapConcurrently(batch, WRITERS, ({ key, body }) => objects.put(key, body));
    batch = [];
  };
  for (const documents of parts) {
    for (const document of documents) {
      batch.push(document);
      if (batch.length === 1000) await flush();
    }
  }
  await flush();
}

const tableOf = (figures: Readonly<Record<string, ScreenFigures>>): readonly string[] =>
  table(
    [
      ...['screen', 'first row s', 'again s', 'server CPU s', 'page CPU s', 'slowest API s', 'API kB', 'S3 requests'],
      'longest frame ms',
    ],
    Object.entries(figures).map(([name, figure]) => [
      name,
      ...[figure.firstRow, figure.again, figure.serverCpu, figure.pageCpu, figure.slowestApi].map(String),
      ...[significant(figure.apiBytes / 1000), figure.s3, Math.round(figure.longestFrame)].map(String),
    ]),
  );
