import { beforeAll, describe, expect, test } from 'vitest';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { Federation, Score } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { createMemoryQueues } from '../../lib/storage/testing-queues.ts';
import {
  axeFindings,
  BROWSER,
  type OpenOptions,
  screenshot,
  scrollsSideways,
  WIDTHS,
  type Width,
  warnWithoutBrowser,
} from '../helpers/browser.ts';
import { browserSuite } from '../helpers/browser-suite.ts';
import { campaignDocuments } from '../helpers/campaign-documents.ts';
import { generatedFederation, putAll } from '../helpers/documents.ts';
import { startTestPage } from '../helpers/page-server.ts';
import { resultDocuments } from '../helpers/result-documents.ts';

warnWithoutBrowser();

const openBucket = createMemoryStorage();
const store: FederationStore = openBucket(names.federationBucket('fedcardio'));
const queues = createMemoryQueues();
const stageOf = (round: number, campaign = 'tavi') => ({ campaign, stage: 'teacher/hinge-points', round });

/** Writes a campaign, and gives its federation. */
async function generate(id: string, sites: number, rounds: number): Promise<Federation> {
  const federation = generatedFederation(sites);
  await putAll(store, campaignDocuments({ id, sites: federation.sites.map((site) => site.id), rounds }));
  return federation;
}

const score = (model: string, errors: (number | null)[]): Score => ({
  model,
  task: 'hinge-points',
  errors: { 'hinge-right': errors },
});

describe.skipIf(BROWSER === undefined)('the screens of a campaign', () => {
  let server: Awaited<ReturnType<typeof startTestPage>>;
  const { show, keepForAll } = browserSuite();

  beforeAll(async () => {
    const declared = await generate('tavi', 30, 6);
    await generate('broken', 3, 3);
    const seal = await store.get(federationKeys.seal(stageOf(1, 'broken')));
    await store.put(federationKeys.seal(stageOf(1, 'broken')), `${new TextDecoder().decode(seal.body)} `);
    const first = {
      'site-0001': [score('s', [1, 2, null]), score('control', [7, 8, 9])],
      'site-0002': [score('s', [9, null, null]), score('control', [2, 3, 4])],
      'site-0003': undefined,
    };
    const second = { 'site-0001': [score('s', [1, 2, 3]), score('control', [1, 2, 3])] };
    await putAll(store, resultDocuments('first', first));
    await putAll(store, resultDocuments('second', second));
    await queues.send('fedcardio-site-0001-intake-dlq', '<img src=x onerror=alert(1)>');
    server = keepForAll(await startTestPage({ openBucket, declared, openQueues: async () => queues }));
  });

  async function open(screen: string, ready: string, options: OpenOptions = {}) {
    const opened = await show(server, screen, options);
    await opened.page.locator(ready).first().waitFor();
    return opened;
  }

  const SCREENS = [
    ['campaign', 'campaigns/tavi', '.chart canvas'],
    ['results', 'campaigns/first/results', '.distribution'],
    ['results-beside', 'campaigns/first/results/second', '.distribution'],
    ['chain', 'campaigns/tavi/chain', '.chain-good'],
    ['chain-broken', 'campaigns/broken/chain', '.chain-fault'],
    ['operations', 'operations', '#forecast ~ h3'],
  ] as const;

  test.each(SCREENS.flatMap((screen) => (Object.keys(WIDTHS) as Width[]).map((width) => [...screen, width] as const)))(
    '%s is accessible and fits its window (%s, %s, %s)',
    async (name, screen, ready, width) => {
      const { page, faults } = await open(screen, ready, { width, scheme: width === 'wide' ? 'light' : 'dark' });

      await screenshot(page, `${name}-${width}`);

      expect(await axeFindings(page)).toEqual([]);
      expect(await scrollsSideways(page)).toBe(false);
      expect(faults).toEqual([]);
      expect(server.failures).toEqual([]);
    },
  );

  test('the grid says why a site is not in a round, with its share, at the keyboard', async () => {
    const { page } = await open('campaigns/tavi', '[role=gridcell]');
    // Site 2 was refused in round 1.
    await page
      .getByRole('row', { name: /Hospital 2 / })
      .getByRole('gridcell', { name: 'refused' })
      .first()
      .click();

    expect(await page.locator('.cell-detail').textContent()).toMatch(
      /Hospital 2, .*round 1: refused\. the weights are not finite · 1% of the round's cases/,
    );
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('.cell-detail').textContent()).toMatch(/Hospital 2, .*round 2: merged/);
  });

  test('a thousand rows are not in the document at once', async () => {
    await generate('large', 400, 2);
    const { page } = await open('campaigns/large', '[role=gridcell]');
    const rows = page.locator('.grid-row');

    expect(await rows.count()).toBeLessThan(60);
    await page.locator('.grid').evaluate((grid) => {
      grid.scrollTop = grid.scrollHeight;
    });
    await page.getByText('site-0400').or(page.getByText('Hospital 400')).first().waitFor();
    expect(await rows.count()).toBeLessThan(60);
  });

  test('pausing asks first, keeps the reason, and can be undone', async () => {
    const { page } = await open('campaigns/tavi', '.state-line');

    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    expect(await store.tryGet(federationKeys.control('tavi'))).toBeUndefined();
    await page.getByLabel(/Reason/).fill('GPUs are needed');
    await page.getByRole('button', { name: 'Pause the campaign' }).click();
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    expect(await page.locator('.reason').first().textContent()).toBe('GPUs are needed');

    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByRole('button', { name: 'Resume the campaign' }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  });

  test('what got worse is said like what got better, and missing points and sites stay', async () => {
    const { page } = await open('campaigns/first/results', '.distribution');
    const text = await page.locator('.results').innerText();

    expect(text).toContain('Not in these results: 1 site');
    expect(text).toContain('3 of 6 missing');
    expect(text).toMatch(/▼ worse \(−16\.7 percentage points\)/);
    await page.locator('summary', { hasText: 'Site by site' }).first().click();
    expect(await page.locator('.block details').first().innerText()).toMatch(/1 better[\s\S]*1 worse/);
  });

  test('a document that was changed breaks its links, and says which hash differs', async () => {
    const { page } = await open('campaigns/broken/chain', '.chain-fault');

    expect(await page.locator('.chain-fault').allTextContents()).toEqual([
      expect.stringMatching(/commit\.json names seal\.json in “seal”: named [0-9a-f]{64}, its bytes have [0-9a-f]{64}/),
    ]);
    expect(await page.getByRole('alert').textContent()).toContain('1 link is broken.');

    await page
      .getByRole('button', { name: /commit\.json/ })
      .first()
      .click();
    const dialog = page.getByRole('dialog');
    await dialog
      .getByRole('button', { name: /^[0-9a-f]{64}$/ })
      .first()
      .click();
    expect(await dialog.getByRole('heading').textContent()).toBe('campaigns/broken/plan.json');
  });

  test('dead letters are shown as text, and sent again after a confirmation', async () => {
    const { page, faults } = await open('operations', '.letter-actions');

    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('unknown message: <img src=x onerror=alert(1)>').waitFor();
    await page.getByRole('button', { name: 'Send again' }).click();
    expect((await queues.depth('fedcardio-site-0001-intake')).waiting).toBe(0);
    await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click();
    await page.getByText('1 message sent again.').waitFor();

    expect((await queues.depth('fedcardio-site-0001-intake')).waiting).toBe(1);
    expect(faults).toEqual([]);
  });
});
