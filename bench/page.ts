import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { table } from '../cli/table.ts';
import { mapConcurrently } from '../lib/async.ts';
import { createS3Client } from '../lib/aws/clients.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { FedcardioError } from '../lib/error.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { BROWSER, startBrowser } from '../test/helpers/browser.ts';
import { campaignDocuments, type Document } from './page/campaign-documents.ts';
import { openScreen, type ScreenFigures } from './page/open-screen.ts';
import { siteDocuments } from './page/site-documents.ts';
import { startServer } from './processes/local-server.ts';

export const summary = 'The page in a browser: a campaign of 1,000 sites and 50 rounds, a site with 10,000 cases';

const SITES = Number(process.env.FEDCARDIO_BENCH_SITES ?? 1000);
const ROUNDS = Number(process.env.FEDCARDIO_BENCH_ROUNDS ?? 50);
const CASES = Number(process.env.FEDCARDIO_BENCH_CASES ?? 10_000);
const WRITERS = 32;

const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'bench',
  sites: Array.from({ length: SITES }, (_, index) => ({ id: `site-${index}`, name: `Site ${index}` })),
};

/** Screens that are measured, by whose page they are on. */
const SCREENS: Readonly<Record<'coordinator' | 'site', Readonly<Record<string, string>>>> = {
  coordinator: {
    campaigns: '#/campaigns',
    campaign: '#/campaigns/bench',
    chain: '#/campaigns/bench/chain',
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
    const ids = FEDERATION.sites.map(({ id }) => id);
    console.error(`Writing a campaign of ${SITES} sites and ${ROUNDS} rounds, and a site of ${CASES} cases …`);
    await store(endpoint, names.federationBucket('bench'), campaignDocuments('bench', ids, ROUNDS));
    await store(endpoint, names.siteBucket('bench', 'site-0'), siteDocuments('site-0', CASES));
    const figures: Record<string, ScreenFigures> = {};
    for (const [role, screens] of Object.entries(SCREENS)) {
      const page = { openBucket: createObjectStorage({ endpoint }), endpoint, work, id: 'bench', declared: FEDERATION };
      for (const [name, hash] of Object.entries(screens)) {
        const options = { ...page, ...(role === 'site' && { site: 'site-0' }) };
        figures[name] = await openScreen(browser, endpoint, options, hash);
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

async function store(endpoint: string, bucket: string, documents: Iterable<Document>): Promise<void> {
  await createS3Client({ endpoint }).send(new CreateBucketCommand({ Bucket: bucket }));
  const objects = createObjectStorage({ endpoint })(bucket);
  let batch: Document[] = [];
  const flush = async () => {
    await mapConcurrently(batch, WRITERS, ({ key, body }) => objects.put(key, body));
    batch = [];
  };
  for (const document of documents) {
    batch.push(document);
    if (batch.length === 1000) await flush();
  }
  await flush();
}

const tableOf = (figures: Readonly<Record<string, ScreenFigures>>): readonly string[] =>
  table(
    ['screen', 'first row s', 'again s', 'longest frame ms', 'slowest API s', 'API kB', 'S3 requests'],
    Object.entries(figures).map(([name, { firstRow, again, longestFrame, slowestApi, apiBytes, s3 }]) => [
      name,
      ...[firstRow, again, longestFrame, slowestApi, Math.round(apiBytes / 1000), s3].map(String),
    ]),
  );
