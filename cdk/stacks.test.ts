import { beforeAll, describe, expect, test } from 'vitest';
import type { Encryption, Federation } from '../lib/federation/schemas.ts';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';

interface Resource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
const resourcesOf = (template: unknown) =>
  Object.values((template as { readonly Resources: Readonly<Record<string, Resource>> }).Resources);

/** Kinds of resources that hold what cannot be made again, and their aliases, by which they are found. */
const KEPT = ['S3::Bucket', 'KMS::Key', 'KMS::Alias', 'Logs::LogGroup', 'ECR::Repository'];

describe.for(['shared-key', 'key-per-bucket', 's3-managed'] as const satisfies readonly Encryption[])(
  'with %s, a stack',
  (encryption) => {
    let resources: readonly Resource[];
    beforeAll(() => {
      resources = synthesizeAll({ ...FEDERATION, encryption }).flatMap(({ template }) => resourcesOf(template));
    });

    test('keeps data, keys, logs and images when it is deleted, and none of them when its creation fails', () => {
      const kept = resources.filter(
        ({ DeletionPolicy }) => DeletionPolicy !== undefined && DeletionPolicy !== 'Delete',
      );

      expect(new Set(kept.map(({ DeletionPolicy }) => DeletionPolicy))).toEqual(new Set(['RetainExceptOnCreate']));
      expect(new Set(kept.map(({ Type }) => Type))).toEqual(
        new Set(resources.map(({ Type }) => Type).filter((type) => KEPT.includes(type.replace('AWS::', '')))),
      );
    });
  },
);

describe('the stacks of a federation', () => {
  test('that stay are apart from those that can be deleted and made again', () => {
    const templates = synthesizeAll(FEDERATION);
    const withRepository = templates.filter(({ template }) =>
      resourcesOf(template).some(({ Type }) => Type === 'AWS::ECR::Repository'),
    );

    expect(withRepository.map(({ stackName }) => stackName)).toEqual(['heart-images']);
  });

  test("name networks and keys after account and region, the coordinator's after the federation only", () => {
    const names = synthesizeAll(FEDERATION).map(({ stackName }) => stackName);

    expect(names.filter((name) => /-(network|keys)/.test(name))).toEqual([
      'heart-keys',
      'heart-keys-444455556666-eu-west-1',
      'heart-network',
      'heart-network-444455556666-eu-west-1',
    ]);
  });

  test.each(['bonn', 'ulm', 'graz', 'linz', 'kiel', 'jena'])(
    'are the same without %s, except those of this site and of the coordinator',
    (leaving) => {
      const linz = {
        id: 'linz',
        name: 'Linz',
        account: '777788889999',
        region: 'eu-west-1',
        image: '777788889999.dkr.ecr.eu-west-1.amazonaws.com/fedcardio:0.1.0',
      };
      const before: Federation = { ...FEDERATION, sites: [...FEDERATION.sites, linz] };
      const after = { ...before, sites: before.sites.filter(({ id }) => id !== leaving) };
      const stacksOf = (federation: Federation) =>
        new Map(synthesizeAll(federation).map(({ stackName, template }) => [stackName, template]));
      const remaining = stacksOf(after);
      // The coordinator's stacks know every site.
      const isCoordinators = (name: string) =>
        /^heart-(federation-(data|compute)|observability|keys|images)$/.test(name);

      for (const [name, template] of stacksOf(before)) {
        if (name.includes(`-${leaving}-`) || isCoordinators(name)) continue;
        const { account } = before.sites.find(({ id }) => id === leaving) ?? {};
        if (account !== undefined && name.includes(account)) expect(remaining.has(name), name).toBe(false);
        else expect(remaining.get(name), name).toEqual(template);
      }
    },
  );
});

test('the id of a federation begins with a letter, as the names of its stacks', () => {
  expect(() => synthesizeAll({ ...FEDERATION, id: '2-hearts' })).toThrow('have to begin with a letter');
});

test('the id of a federation has no two hyphens in a row, which ECR does not take', () => {
  expect(() => synthesizeAll({ ...FEDERATION, id: 'heart--study' })).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIGURATION', message: expect.stringContaining('"heart--study"') }),
  );
});
