import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The programs of a release: bundled once, because each campaign starts ten to twenty processes. */
export interface Release {
  readonly server: string;
  readonly platform: string;
  readonly gpuTask: string;
}
export interface Releases {
  readonly current: Release;
  /** Writes a key more into every document, and updates of the next major version if it is told so; reads both. */
  readonly newer: Release;
}

export const PRELOAD = join(ROOT, 'test/chaos/processes/preload.mjs');

/** Builds the programs of this release, and of one that does not exist yet. */
export async function buildReleases(): Promise<Releases> {
  const [current, newer] = await Promise.all([build('chaos-current', []), build('chaos-newer', [newerRelease])]);
  return { current, newer };
}

async function build(folder: string, plugins: readonly Plugin[]): Promise<Release> {
  const { build: bundle } = await import('esbuild');
  const outdir = join(ROOT, 'dist', folder);
  const entries = {
    server: 'test/chaos/processes/server.ts',
    platform: 'test/chaos/processes/platform.ts',
    gpuTask: 'gpu-tasks/main.ts',
  };
  await bundle({
    absWorkingDir: ROOT,
    entryPoints: entries,
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Found in node_modules: they have native parts, or are large and only used to deploy.
    external: ['aws-cdk-lib', 'constructs', '@tensorflow/*', '@niivue/dcm2niix'],
    // Some packages of the SDK are not modules.
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
    define: { FEDCARDIO_VERSION: JSON.stringify('0.1.0'), FEDCARDIO_IS_BUILT: 'true' },
    plugins: [...plugins],
    logLevel: 'warning',
  });
  const file = (name: keyof typeof entries) => join(outdir, `${name}.js`);
  return { server: file('server'), platform: file('platform'), gpuTask: file('gpuTask') };
}

/** Key that every document of the newer release has. */
const NEWER_KEY = 'ofTomorrow';

const newerRelease: Plugin = {
  name: 'newer-release',
  setup: ({ onLoad }) => {
    onLoad({ filter: /lib[\\/]storage[\\/]documents\.ts$/ }, ({ path }) =>
      changed(
        path,
        'parseJson(bytes, schema, where);\n  return body;',
        `parseJson(bytes, schema, where);\n  return ofTomorrow(value);`,
        WRITES,
      ),
    );
    onLoad({ filter: /lib[\\/]json\.ts$/ }, ({ path }) =>
      changed(
        path,
        'refuseNewerVersion(value, schema, where);\n  let known = value;',
        'value = ofToday(value);\n  refuseNewerVersion(value, schema, where);\n  let known = value;',
        READS,
      ),
    );
  },
};

const WRITES = `
function ofTomorrow(value: any): string {
  const next = process.env.CHAOS_NEXT_MAJOR && value.schema === 'fedcardio.update/1' ? { schema: 'fedcardio.update/2' } : {};
  return canonicalJson({ ...value, ...next, ${NEWER_KEY}: { keys: [null, { a: 1 }] } });
}`;
const READS = `
function ofToday(value: any): any {
  return value?.schema === 'fedcardio.update/2' ? { ...value, schema: 'fedcardio.update/1' } : value;
}`;

/** The source with one place changed. Throws if the place is gone, because nothing would be newer then. */
async function changed(path: string, from: string, to: string, addition: string) {
  const source = await readFile(path, 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${path} has changed: test/chaos/build.ts must follow.`);
  return { contents: source.replace(from, () => to) + addition, loader: 'ts' as const };
}
