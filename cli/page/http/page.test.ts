import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { siteAccess } from '../../../lib/federation/access.ts';
import { federationKeys, type SiteKey } from '../../../lib/federation/keys.ts';
import { names } from '../../../lib/federation/topology.ts';
import { enforceAccess } from '../../../lib/storage/access-view.ts';
import type { OpenBucket } from '../../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { startTestPage } from '../../../test/helpers/page-server.ts';

type TestPage = Awaited<ReturnType<typeof startTestPage>>;

const CAMPAIGN = JSON.stringify({ schema: 'fedcardio.campaign/1', id: 'tavi', stages: [] });

let openBucket: OpenBucket;
let page: TestPage;
/** Clock of what the page keeps, ms. */
let clock = 0;
beforeEach(async () => {
  clock = 0;
  openBucket = createMemoryStorage();
  await openBucket('fedcardio-federation').put(federationKeys.campaign('tavi'), CAMPAIGN);
  page = await startTestPage({ openBucket, now: () => clock });
});
afterEach(() => page.close());

/** A request with any headers, which `fetch` would not send. */
function send(path: string, headers: Record<string, string> = {}, method = 'GET', on = page) {
  return new Promise<{
    readonly status: number;
    readonly headers: NodeJS.Dict<string | string[]>;
    readonly text: string;
  }>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: on.port, path, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

const api = (path: string, cookie: string, headers: Record<string, string> = {}, method = 'GET', on = page) =>
  send(`/api/v1${path}`, { cookie, ...headers }, method, on);

describe('the token', () => {
  test('opens a session once, with a cookie that scripts and other sites do not get', async () => {
    const { search } = new URL(page.address());

    const first = await send(`/${search}`);
    const second = await send(`/${search}`);

    expect(first.status).toBe(200);
    expect(String(first.headers['set-cookie'])).toMatch(
      new RegExp(`^fedcardio-page-${page.port}=[\\w-]{43}; HttpOnly; SameSite=Strict; Path=/$`),
    );
    expect(first.text).toContain('url=/"');
    expect(first.text).not.toContain(search);
    expect(second.status).toBe(401);
    expect(second.headers['set-cookie']).toBeUndefined();
    expect(second.text).toContain('npx fedcardio page');
  });

  test.each(['/?token=', '/?token=wrong', '/'])('%s opens nothing', async (path) => {
    const { status, headers } = await send(path);

    expect({ status, cookie: headers['set-cookie'] }).toEqual({ status: 401, cookie: undefined });
  });

  test('is not used up by a look at the link', async () => {
    const { search } = new URL(page.address());

    await send(`/${search}`, {}, 'HEAD');

    expect((await send(`/${search}`)).status).toBe(200);
  });

  test('is in German for German browsers', async () => {
    expect((await send('/', { 'accept-language': 'de-DE,de;q=0.9' })).text).toContain('Diese Seite ist gesperrt');
  });
});

describe('a request', () => {
  test('without a session gets no answer of the API', async () => {
    const { status, text } = await send('/api/v1/campaigns');

    expect(status).toBe(401);
    expect(JSON.parse(text)).toMatchObject({
      error: { code: 'NO_SESSION', hint: expect.stringContaining('terminal') },
    });
  });

  test.each([
    ['another Host', { host: 'evil.example' }],
    ['another port', { host: '127.0.0.1:1' }],
    ['another Origin', { origin: 'https://evil.example' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page of the same site', { 'sec-fetch-site': 'same-site' }],
  ])('from %s is refused, with a session too', async (_, headers) => {
    const cookie = await page.cookie();

    for (const method of ['GET', 'POST']) {
      const { status, text } = await api('/campaigns', cookie, headers, method);
      expect(status).toBe(403);
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'FOREIGN' } });
    }
  });

  test('that follows a link of another site gets the page, but a frame does not', async () => {
    const cookie = await page.cookie();
    const from = { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };

    const link = await send('/', { ...from, 'sec-fetch-dest': 'document' });
    const frame = await send('/', { ...from, 'sec-fetch-dest': 'iframe' });

    expect([link.status, frame.status]).toEqual([200, 403]);
  });

  test.each([
    ['/nothing', 'GET', 404],
    ['/campaigns', 'POST', 405],
    ['/campaigns/%E0%A4%A', 'GET', 404],
  ])('of %s by %s answers %s', async (path, method, status) => {
    expect((await api(path, await page.cookie(), {}, method)).status).toBe(status);
  });

  test.each(['/assets/../index.html', '/assets/..%2f..%2fpackage.json', '/index.html', '/assets/', '/package.json'])(
    'of the file %s finds nothing',
    async (path) => {
      expect((await send(path, { cookie: await page.cookie() })).status).toBe(404);
    },
  );
});

test('allows sources of the page alone', async () => {
  const { headers } = await send('/', { cookie: await page.cookie() });

  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'; ");
  expect(policy).toContain(`script-src ${page.origin}/assets/; `);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https:/);
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
});

describe('live updates', () => {
  test('answer 304 while nothing has changed', async () => {
    const cookie = await page.cookie();
    const first = await api('/campaigns', cookie);
    const etag = String(first.headers.etag);

    clock += 60_000;
    const same = await api('/campaigns', cookie, { 'if-none-match': etag });
    clock += 60_000;
    await openBucket('fedcardio-federation').put(federationKeys.campaign('other'), CAMPAIGN);
    const changed = await api('/campaigns', cookie, { 'if-none-match': etag });

    expect(JSON.parse(first.text).campaigns).toMatchObject([{ campaign: 'tavi', phase: 'uploaded' }]);
    expect([same.status, same.text]).toEqual([304, '']);
    expect(changed.status).toBe(200);
    expect(JSON.parse(changed.text).campaigns).toHaveLength(2);
  });

  test('cost the same for one tab and for fifty', async () => {
    const cookie = await page.cookie();
    await api('/campaigns', cookie);
    const once = page.context.meter.count();

    await Promise.all(Array.from({ length: 50 }, () => api('/campaigns', cookie)));

    expect(once).toBeGreaterThan(0);
    expect(page.context.meter.count()).toBe(once);
  });
});

describe('a site', () => {
  let site: TestPage;
  afterEach(() => site.close());

  test('sees itself, and is told why it does not see the federation', async () => {
    site = await startTestPage({ openBucket, site: 'bonn' });
    const cookie = await site.cookie();

    const session = await api('/session', cookie, {}, 'GET', site);
    const campaigns = await api('/campaigns', cookie, {}, 'GET', site);

    expect(JSON.parse(session.text)).toMatchObject({ role: 'site', site: { id: 'bonn' }, may: { control: false } });
    expect(campaigns.status).toBe(403);
    expect(JSON.parse(campaigns.text)).toMatchObject({ error: { code: 'FORBIDDEN' } });
  });

  test('has stores that reach no other site, with any credentials', async () => {
    site = await startTestPage({ openBucket, site: 'bonn' });
    const { federationStore, siteStore } = site.context;
    const image = 'cases/p1/image.nii.gz' as SiteKey;
    await openBucket(names.siteBucket('fedcardio', 'jena')).put(image, 'x');

    await expect(siteStore('jena').get(image)).rejects.toThrow('403');
    await expect(federationStore.get(federationKeys.summary('jena'))).rejects.toThrow('403');
    await expect(federationStore.put(federationKeys.campaign('x'), '{}')).rejects.toThrow('403');
  });
});

test('what the credentials may not read is forbidden, with the reason', async () => {
  const denied: OpenBucket = (bucket) => enforceAccess(openBucket(bucket), siteAccess('bonn').upload.federation);
  const other = await startTestPage({ openBucket: denied });

  const { status, text } = await api('/campaigns', await other.cookie(), {}, 'GET', other);
  await other.close();

  expect(status).toBe(403);
  expect(JSON.parse(text).error).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('campaigns/') });
  expect(other.failures).toEqual([]);
});
