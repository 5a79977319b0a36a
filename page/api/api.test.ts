import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fillPath, matchPath } from './paths.ts';
import { ROUTES } from './routes.ts';
import { SCHEMAS } from './schemas.ts';

describe('paths', () => {
  test('give back the parameters that they were made of', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ minLength: 1 }), (campaign, file) => {
        const pattern = '/campaigns/{campaign}/files/{file}';

        const path = fillPath(pattern, { campaign, file });

        expect({ ...matchPath(pattern, path) }).toEqual({ campaign, file });
      }),
    );
  });

  test.each([
    ['/campaigns/{campaign}', '/campaigns'],
    ['/campaigns/{campaign}', '/campaigns/'],
    ['/campaigns/{campaign}', '/campaigns/a/b'],
    ['/campaigns/{campaign}', '/campaigns/%E0%A4%A'],
    ['/campaigns', '/campaigns/'],
  ])('%s is not %s', (pattern, path) => {
    expect(matchPath(pattern, path)).toBeUndefined();
  });
});

test('every route has its schemas, and no two have the same method and path', () => {
  const routes = Object.values(ROUTES).map(({ method, path }) => `${method} ${path}`);

  expect(Object.keys(SCHEMAS).sort()).toEqual(Object.keys(ROUTES).sort());
  expect(new Set(routes).size).toBe(routes.length);
});
