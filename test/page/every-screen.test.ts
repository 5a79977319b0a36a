import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { FedcardioError } from '../../lib/error.ts';
import type { CampaignInput } from '../../lib/federation/schemas.ts';
import { enforceAccess } from '../../lib/storage/access-view.ts';
import type { OpenBucket } from '../../lib/storage/contract.ts';
import { wrapBuckets } from '../../lib/storage/stores.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { BROWSER, type OpenOptions, type OpenPage, screenshot, warnWithoutBrowser } from '../helpers/browser.ts';
import { browserSuite } from '../helpers/browser-suite.ts';
import { student, type ToyCase, teacher, uploadToyCase } from '../helpers/campaign.ts';
import { type LocalFederation, startLocalFederation } from '../helpers/local-federation.ts';
import { startTestPage } from '../helpers/page-server.ts';
import { everyScreen, faultsOf, shapeOf, visit } from '../helpers/screens.ts';

warnWithoutBrowser();

const TASKS = ['hinge-points', 'calcification'] as const;
const CASES: readonly ToyCase[] = [
  { site: 'bonn', id: 'patient-b1', use: 'training', labels: TASKS },
  { site: 'bonn', id: 'patient-b9', use: 'evaluation', labels: TASKS },
  { site: 'kiel', id: 'patient-k1', use: 'training', labels: TASKS },
  { site: 'kiel', id: 'patient-k9', use: 'evaluation', labels: TASKS },
];
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 5,
  stages: [
    teacher('calcification', 2),
    student('student', TASKS, 2),
    student('control', TASKS, 1),
    {
      kind: 'evaluate',
      name: 'evaluate',
      models: { student: 'student', control: 'control' },
      predictions: 'student',
      compare: [['student', 'control']],
    },
  ],
};
const IDS = [CAMPAIGN.id, ...CASES.map(({ id }) => id), ...CAMPAIGN.stages.map(({ name }) => name)];
const ROLES = [undefined, 'bonn'] as const;
const nameOf = (site: string | undefined) => (site === undefined ? 'coordinator' : 'site');

/** For each role, both widths, both schemes and both languages. */
const LOOKS: readonly (OpenOptions & { readonly site: string | undefined })[] = [
  { site: undefined, width: 'wide', scheme: 'light', language: 'en-GB' },
  { site: undefined, width: 'narrow', scheme: 'dark', language: 'de-DE' },
  { site: 'bonn', width: 'wide', scheme: 'dark', language: 'de-DE' },
  { site: 'bonn', width: 'narrow', scheme: 'light', language: 'en-GB' },
];

const BUCKETS: Readonly<Record<string, OpenBucket>> = {
  empty: createMemoryStorage(),
  forbidden: wrapBuckets(createMemoryStorage(), (store) => enforceAccess(store, {})),
  failing: wrapBuckets(createMemoryStorage(), (store) => {
    const fail = () => Promise.reject(new FedcardioError('STORAGE_UNAVAILABLE', 'The storage does not answer.'));
    const failing = { next: fail, [Symbol.asyncIterator]: () => ({ next: fail }) };
    const list = () => failing as unknown as AsyncIterable<never>;
    return { ...store, get: fail, tryGet: fail, head: fail, stream: fail, getRange: fail, list, folders: list };
  }),
};

describe.skipIf(BROWSER === undefined)('every screen', () => {
  const { open, keep, keepForAll } = browserSuite();
  let local: LocalFederation;
  let work: string;
  let hold: string;
  const servers = new Map<string | undefined, Awaited<ReturnType<typeof startTestPage>>>();
  const look = async (site: string | undefined, options?: OpenOptions): Promise<OpenPage> => {
    const one = await open(servers.get(site)?.address() ?? '', options);
    // The address with the token leads to the one without it.
    await one.page.locator('nav a').first().waitFor();
    return one;
  };

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'fedcardio-page-'));
    hold = join(work, 'hold');
    local = keepForAll(await startLocalFederation({ sites: ['bonn', 'kiel'], hold }));
    for (const [index, item] of CASES.entries()) await uploadToyCase(local.siteStore(item.site), item, index);
    await local.idle();
    const { endpoint, federation } = local;
    const openBucket = createObjectStorage({ endpoint });
    for (const site of ROLES) {
      const page = { openBucket, endpoint, work, id: federation.id, declared: federation };
      servers.set(site, keepForAll(await startTestPage({ ...page, ...(site !== undefined && { site }) })));
    }
  }, 120_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test('shows a campaign while it runs, without a reload', async () => {
    const { page, faults } = await look(undefined);
    await page.getByText('No campaigns yet').waitFor();

    // GPU tasks wait until the page shows them.
    writeFileSync(hold, '');
    const outcome = local.run(CAMPAIGN);

    const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: CAMPAIGN.id }) });
    await row.getByText('running').waitFor();
    rmSync(hold);
    expect((await outcome).status).toBe('completed');
    await row.getByText('completed').waitFor();
    expect(faults).toEqual([]);
  }, 300_000);

  test('a prediction runs, is looked at, and its files are there', async () => {
    const { page, faults } = await look(undefined);
    const image = (await local.siteStore('kiel').get('cases/patient-k1/image.nii.gz' as never)).body;
    await visit(page, '#/predict');
    const file = { name: 'patient.nii.gz', mimeType: 'application/gzip', buffer: Buffer.from(image) };

    await page.locator('input[type=file][accept*=".nii"]').setInputFiles(file);
    await page.getByRole('combobox', { name: 'Model' }).selectOption({ label: `${CAMPAIGN.id}: student` });
    await page.getByRole('button', { name: 'Predict' }).click();

    await page.getByRole('link', { name: 'patient.nii.gz' }).click({ timeout: 90_000 });
    await page.getByRole('heading', { name: 'patient.nii.gz' }).waitFor();
    await page.getByText(/ HU$/).waitFor();
    await page.getByRole('checkbox', { name: /Calcification/ }).uncheck();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'patient-prediction.json' }).click();
    expect((await download).suggestedFilename()).toBe('patient-prediction.json');
    expect(faults).toEqual([]);
  }, 180_000);

  test.each(LOOKS.map((look) => ({ as: nameOf(look.site), ...look })))(
    'is accessible, fits and prints its content alone: $as, $width, $scheme, $language',
    async ({ site, as, ...options }) => {
      const { page, faults } = await look(site, options);
      const found: string[] = [];
      let seen = 0;

      await everyScreen(page, IDS, async (hash) => {
        const shape = shapeOf(hash, IDS);
        found.push(shape);
        expect.soft([...(await faultsOf(page)), ...faults.slice(seen)], shape).toEqual([]);
        seen = faults.length;
        const name = `${as}-${shape.replace(/[^a-z]+/gi, '-')}`;
        await screenshot(page, [name, options.width, options.scheme].join('-'));
        await page.emulateMedia({ media: 'print' });
        expect.soft(await page.locator('nav:visible, main button:visible').count(), shape).toBe(0);
        expect.soft(await page.locator('main :is(h1, .notice):visible').count(), shape).toBeGreaterThan(0);
        await screenshot(page, `print-${name}`);
        await page.emulateMedia({ media: 'screen' });
      });

      expect(found.length).toBeGreaterThan(5);
    },
    240_000,
  );

  test('an address that changes while the page starts is shown', async () => {
    const { page } = await look(undefined);
    // As soon as the first thing is drawn: before the page can listen to changes.
    await page.addInitScript(`new MutationObserver((_, observer) => {
      if (!document.querySelector('#page *')) return;
      observer.disconnect();
      location.hash = '#/operations';
    }).observe(document, { childList: true, subtree: true })`);

    await page.reload();

    await page.locator('nav a[aria-current][href="#/operations"]').waitFor();
    expect(new URL(page.url()).hash).toBe('#/operations');
  }, 120_000);

  test.each(ROLES.map((site) => ({ site, as: nameOf(site) })))(
    'is reached by keyboard alone: $as',
    async ({ site }) => {
      const { page } = await look(site);
      await page.locator('nav a').first().waitFor();
      const links = await page.locator('nav a').allTextContents();

      for (const name of links) {
        // From the beginning of the document, as after a reload.
        await page.reload();
        await page.locator('nav a').first().waitFor();
        let focused = '';
        for (let presses = 0; presses < 30 && focused !== name; presses++) {
          await page.keyboard.press('Tab');
          focused = (await page.locator(':focus').textContent()) ?? '';
          if (presses === 0) expect(focused).toBe('Skip to content');
        }
        expect(focused).toBe(name);
        await page.keyboard.press('Enter');
        await page.locator('nav a[aria-current]', { hasText: name }).waitFor();
      }

      await page.reload();
      await page.locator('main h1').waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.locator('main').evaluate((main) => main.matches(':focus'))).toBe(true);
    },
    120_000,
  );

  test.each(ROLES.flatMap((site) => Object.keys(BUCKETS).map((state) => ({ site, as: nameOf(site), state }))))(
    'has a designed state when the storage is $state: $as',
    async ({ site, as, state }) => {
      const openBucket = BUCKETS[state] as OpenBucket;
      const folder = join(work, `${state}-${as}`);
      const declared = {
        schema: 'fedcardio.federation/1' as const,
        id: 'fedcardio',
        sites: [{ id: 'bonn', name: 'Bonn' }],
      };
      const server = keep(
        await startTestPage({ openBucket, work: folder, declared, ...(site !== undefined && { site }) }),
      );
      const { page, faults } = await open(server.address());

      await everyScreen(page, IDS, async (hash) => {
        await sleep(100);
        expect.soft(await faultsOf(page), hash).toEqual([]);
        await screenshot(page, `${state}-${as}-${hash.replace(/[^a-z]+/gi, '-')}`);
      });

      // Browsers report every answer that is no success.
      expect(faults.filter((fault) => !/Failed to load resource/.test(fault))).toEqual([]);
      expect(server.failures).toEqual([]);
    },
    120_000,
  );
});
