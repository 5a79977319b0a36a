#!/usr/bin/env node
// The command runs as it was built. In a clone it is built when it is first used, and again when its sources have changed;
// FEDCARDIO_SOURCE=1 runs the sources themselves.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// The AWS SDK announces at every start, in every process, what Node a later version of it will need. Ours is pinned.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const root = fileURLToPath(new URL('..', import.meta.url));
/** A file of the clone or of the package. */
const load = (file) => import(new URL(`../${file}`, import.meta.url).href);
const isClone = existsSync(`${root}scripts/build-app.mjs`);

try {
  if (isClone && process.env.FEDCARDIO_SOURCE) {
    await load('scripts/sources.mjs');
    await load('cli/main.ts');
  } else {
    if (isClone) await (await load('scripts/build-app.mjs')).buildApp();
    if (process.env.FEDCARDIO_DEBUG) process.setSourceMapsEnabled(true);
    // From Node 22.8 on.
    module.enableCompileCache?.();
    await load('dist/app/cli-main.js');
  }
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  const install = isClone ? 'npm run setup' : 'npm install';
  const missing = /package '([^']+)'/.exec(error.message)?.[1];
  console.error(
    missing
      ? `error: The package ${missing} is not installed. Run \`${install}\` in ${root}.`
      : `error: fedcardio is incomplete: ${error.message.split('\n')[0]}`,
  );
  process.exitCode = 1;
}
