import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { siteKeys } from '../../lib/federation/keys.ts';
import { image, PNG } from '../../lib/intake/testing.ts';
import {
  axeFindings,
  BROWSER,
  type OpenOptions,
  screenshot,
  scrollsSideways,
  warnWithoutBrowser,
} from '../helpers/browser.ts';
import { browserSuite } from '../helpers/browser-suite.ts';
import { CAMPAIGN, hospitalPage } from '../helpers/hospital-page.ts';
import { goTo, visit } from '../helpers/screens.ts';

warnWithoutBrowser();

/** Screens, and a text that shows that each has its content. The last one draws a picture, which slows others down. */
const SCREENS = {
  cases: 'accepted',
  decide: CAMPAIGN,
  sent: 'record of this site',
  readiness: 'Not checked yet.',
  'cases/p1': 'Measurements',
} as const;

describe.skipIf(BROWSER === undefined)("a hospital's page", { timeout: 120_000 }, () => {
  const { open, show } = browserSuite();
  let folder: string;
  let hospital: Awaited<ReturnType<typeof hospitalPage>>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fedcardio-hospital-'));
    hospital = await hospitalPage(folder);
  });
  afterEach(async () => {
    await hospital.server.close();
    rmSync(folder, { recursive: true, force: true });
    expect(hospital.server.failures).toEqual([]);
  });

  const at = (screen: string, options?: OpenOptions) => show(hospital.server, screen, options);

  test.each([
    ['wide', 'light'],
    ['narrow', 'dark'],
  ] as const)('has no findings on any screen, %s, %s', async (width, scheme) => {
    const { page, faults } = await open(hospital.server.address(), { width, scheme });
    for (const [screen, text] of Object.entries(SCREENS)) {
      await visit(page, `#/${screen}`);
      await page.getByText(text).first().waitFor();

      expect(faults, screen).toEqual([]);
      expect(await axeFindings(page), screen).toEqual([]);
      expect(await scrollsSideways(page), screen).toBe(false);
      await screenshot(page, `hospital-${screen.replace('/', '-')}-${width}-${scheme}`);
    }
  });

  test('stays at the screen that was chosen last, whatever code comes later', async () => {
    const { page } = await open(hospital.server.address());
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await page.route(/\/assets\/cases-/, async (route) => {
      await held;
      await route.continue();
    });
    await page.reload();
    await page.locator('nav').first().waitFor();

    await goTo(page, '#/sent');
    await page.getByText('record of this site').first().waitFor();
    finish();
    await page.waitForResponse(/\/assets\/cases-/);
    await page.waitForTimeout(250);

    expect(await page.getByText('record of this site').count()).toBeGreaterThan(0);
  });

  test('speaks German', async () => {
    const { page } = await at('cases', { language: 'de-DE' });

    await page.getByRole('heading', { name: 'Meine Fälle' }).waitFor();
    await page.getByText('abgelehnt').first().waitFor();
    await page.getByRole('cell').getByText('Ansatzpunkte und Koronarostien').first().waitFor();
    expect(await page.locator('main').textContent()).not.toMatch(/\bLabel|Hinge points|lehrt|zurückgehalten/);
  });

  test('filters and searches the cases, and keeps the filter', async () => {
    const { page } = await at('cases');

    await page.getByRole('button', { name: /rejected/ }).click();
    await page.getByText('1 case', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'p2' }).click();
    await page.getByText('Intake has accepted no CT').waitFor();
    await page.getByRole('link', { name: /All cases/ }).click();
    await page.getByText('1 case', { exact: true }).waitFor();
    await page.getByRole('button', { name: /^All/ }).click();
    await page.getByLabel('Find a case').fill('p3');
    await page.getByText('1 case', { exact: true }).waitFor();

    expect(await page.getByRole('row').filter({ hasText: 'held out' }).count()).toBeGreaterThan(0);
  });

  test('shows a case that arrives without a reload', async () => {
    const { page } = await at('cases');
    await page.getByRole('link', { name: 'p1' }).waitFor();

    await hospital.site.put('cases/p7/image.nii.gz', image(7));
    await hospital.site.reconcile('p7');

    await page.getByRole('link', { name: 'p7' }).waitFor({ timeout: 20_000 });
  });

  test('checks a folder, says what is refused, and uploads the rest', async () => {
    for (const [id, body] of Object.entries({ p8: image(8), p9: PNG })) {
      mkdirSync(join(folder, 'CASES', id), { recursive: true });
      writeFileSync(join(folder, 'CASES', id, 'image.nii.gz'), body);
    }
    mkdirSync(join(folder, 'CASES/p8/labels'));
    writeFileSync(join(folder, 'CASES/p8/labels/calcification.nii.gz'), PNG);
    const { page, faults } = await at('cases');

    await page.getByLabel('Choose a folder').setInputFiles(join(folder, 'CASES'));
    await page.getByText('1 of 2 cases would be accepted.').waitFor();
    const checked = (id: string) => page.locator('.checked > li').filter({ has: page.getByText(id, { exact: true }) });
    await checked('p9').getByText('It is a PNG picture').waitFor();
    expect(await checked('p9').locator('.badge').textContent()).toContain('refused');
    expect(await checked('p8').locator('.badge').textContent()).toContain('accepted without some files');
    expect(await hospital.site.store.head(siteKeys.image('training', 'p8'))).toBeUndefined();
    await page.getByRole('button', { name: 'Upload 1 case' }).click();
    await page.getByText('The copy on this computer has been removed.').waitFor();
    await screenshot(page, 'hospital-uploaded');

    expect(await hospital.site.store.head(siteKeys.image('training', 'p8'))).toBeDefined();
    expect(await axeFindings(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('draws a case under the strict policy, and is used by keyboard', async () => {
    const { page, faults } = await at('cases/p1');
    const point = page.getByRole('button', { name: 'left hinge point', exact: true });
    await page.getByText(/ HU$/).waitFor();
    const place = page.locator('.picture-place');

    await point.click();
    const atPoint = await place.textContent();
    expect(atPoint).toMatch(/left hinge point, 0\.\d mm away/);
    const colours = await page
      .locator('.points .swatch rect')
      .evaluateAll((spots) => spots.map((spot) => spot.getAttribute('fill')));
    expect(colours).toHaveLength(5);
    expect(new Set(colours).size).toBe(colours.length);
    await page.getByLabel(/Axial, coronal and sagittal/).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('combobox', { name: 'Window' }).selectOption({ label: 'Lung (-1350 to 150 HU)' });
    await page.getByRole('combobox', { name: 'View' }).selectOption('axial');
    await page.getByRole('checkbox', { name: /Calcification/ }).uncheck();
    await page.getByRole('combobox', { name: 'From' }).selectOption('left ostium');

    expect(await place.textContent()).not.toBe(atPoint);
    expect(await page.getByText(/^[\d.]+ mm$/).count()).toBeGreaterThan(0);
    expect(faults).toEqual([]);
  });

  test('says in words what a browser without WebGL cannot draw', async () => {
    const { page } = await open(hospital.server.address());
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.evaluate(() => {
      const { HTMLCanvasElement } = globalThis as unknown as {
        readonly HTMLCanvasElement: { readonly prototype: { getContext: () => unknown } };
      };
      HTMLCanvasElement.prototype.getContext = () => null;
    });

    await page.getByRole('link', { name: 'p1' }).click();

    await page.getByText('This browser offers no WebGL 2').waitFor();
    await page.getByText('12 × 10 × 8 voxels').waitFor();
  });

  test('exports what left as CSV', async () => {
    const { page } = await at('sent');

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as CSV' }).click(),
    ]);

    const text = readFileSync(await download.path(), 'utf8');
    expect(text.split('\r\n')[0]).toBe('at,campaign,stage,round,kind,key,bytes,sha256,known_from,unsure');
    expect(text).toContain(hospital.sha256);
  });

  test('looks at a campaign by its name', async () => {
    const { page } = await at('decide');

    await page.getByLabel(/Its name/).fill('another');
    await page.getByRole('button', { name: 'Show' }).click();

    await page.getByText('No campaign has such a name.').waitFor();
  });
});
