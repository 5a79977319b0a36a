import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly inBundle?: true;
  readonly dev?: true;
  readonly license?: string;
  readonly hasInstallScript?: true;
}

const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
);
const packages = Object.entries(lock.packages).flatMap(([path, locked]) => (path === '' ? [] : [{ path, ...locked }]));
const nameOf = ({ path }: { readonly path: string }) => path.replace(/^.*node_modules\//, '');

/** Licences of what users get: each lets them use and pass it on in a closed hospital. */
const LICENSES = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0', 'Zlib'];
/** Whether a term such as `(MIT OR GPL-3.0-or-later)` can be met with them. */
const isFree = (license = ''): boolean =>
  license
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((one) => LICENSES.includes(one)));

describe('the packages in package-lock.json', () => {
  test('are those of the npm registry, by their hash', () => {
    const strange = packages.filter(
      ({ resolved, integrity, inBundle }) =>
        (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/')) ||
        (!inBundle && !integrity?.startsWith('sha512-')),
    );

    expect(strange.map(({ path }) => path)).toEqual([]);
  });

  test('that users get have licences that let them', () => {
    const others = packages.filter(({ dev, license }) => !dev && !isFree(license));

    expect(others.map(({ path, license }) => `${path}: ${license}`)).toEqual([]);
  });

  test('with a licence that binds who passes them on are for tests alone', () => {
    const bound = packages.filter(({ license }) => /AGPL/.test(license ?? ''));

    expect(new Set(bound.map(nameOf))).toEqual(
      new Set(['@cloud-copilot/iam-policy', '@cloud-copilot/iam-simulate', '@cloud-copilot/iam-utils']),
    );
    expect(bound.every(({ dev }) => dev)).toBe(true);
  });

  test('run no script when they are installed', () => {
    // .npmrc forbids it. The addon of TensorFlow is installed by scripts/tensor-addon.mjs.
    expect(readFileSync(join(ROOT, '.npmrc'), 'utf8')).toContain('ignore-scripts=true\n');
    expect(packages.filter(({ hasInstallScript }) => hasInstallScript).map(nameOf)).toEqual([
      '@tensorflow/tfjs-node-gpu',
      'core-js',
      'esbuild',
    ]);
  });

  test('that the project names have one exact version each', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(version, name).toMatch(/^(?:npm:@?[\w/-]+@)?\d+\.\d+\.\d+$/);
  });
});

describe('the files of the project', () => {
  /** Forms that only secrets have. Keys of AWS's own examples end with EXAMPLE. */
  const SECRETS = [
    /\b(?:AKIA|ASIA)(?!\w*EXAMPLE)[A-Z0-9]{16}\b/,
    /-----BEGIN (?:RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s+\w/,
    /\bgh[pousr]_[A-Za-z0-9]{36}\b/,
    /\bnpm_[A-Za-z0-9]{36}\b/,
  ];
  const PASSED_OVER = new Set(['.git', 'node_modules', 'dist', 'cdk.out', 'coverage']);

  const textFiles = (folder: string): readonly string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory())
        return PASSED_OVER.has(entry.name) || entry.name.startsWith('.fedcardio') ? [] : textFiles(path);
      return entry.isFile() && statSync(path).size < 1_000_000 ? [path] : [];
    });

  test('hold no secret', () => {
    const found = textFiles(ROOT).filter((path) => {
      const text = readFileSync(path, 'latin1');
      return SECRETS.some((form) => form.test(text));
    });

    expect(found).toEqual([]);
  });

  // In two parts, since this file is searched as well.
  test.each([
    ['AKIA', 'ABCDEFGHIJKLMNOP'],
    ['-----BEGIN ', 'PRIVATE KEY-----\nMIIE'],
  ])('would be found with one: %s…', (begin, end) => {
    const secret = begin + end;
    expect(SECRETS.some((form) => form.test(secret))).toBe(true);
  });
});
