import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Federation } from '../../../lib/federation/schemas.ts';
import { openSiteDirectory, requireSeparate } from './directory.ts';

const site = { id: 'kiel', name: 'Kiel', place: 'on-premises' } as const;
const federation: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  region: 'eu-central-1',
  account: '111122223333',
  sites: [site],
};
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-directory-'));
});
afterEach(() => rmSync(root, { recursive: true }));
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("the directory of a site's machine", () => {
  test('is for the owner alone, with its logs', () => {
    const { path, log, sent } = openSiteDirectory(join(root, 'data'), federation, site);

    expect([modeOf(path), modeOf(log), modeOf(sent)]).toEqual([0o700, 0o600, 0o600]);
  });

  test('keeps the rights that an administrator has given', () => {
    mkdirSync(join(root, 'data'), { mode: 0o750 });

    const { path } = openSiteDirectory(join(root, 'data'), federation, site);

    expect(modeOf(path)).toBe(0o750);
  });

  test.each([
    ['/srv/data/inbox', '/srv/data'],
    ['/srv/data', '/srv/data/'],
    ['/srv', '/srv/data'],
  ])('does not overlap the inbox %s', (inbox, data) => {
    expect(() => requireSeparate(inbox, data)).toThrow(/overlap/);
  });

  test('may lie beside an inbox whose name begins alike', () => {
    expect(() => requireSeparate('/srv/data-inbox', '/srv/data')).not.toThrow();
  });
});
