#!/usr/bin/env node
// The command runs from source: tsx strips the types.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// The AWS SDK announces at every start, in every process, what Node a later version of it will need. Ours is pinned.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

try {
  const { register } = await import('tsx/esm/api');
  register();
  await import('../cli/main.ts');
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  const root = fileURLToPath(new URL('..', import.meta.url));
  const install = existsSync(`${root}scripts/setup.mjs`) ? 'npm run setup' : 'npm install';
  const missing = /package '([^']+)'/.exec(error.message)?.[1];
  console.error(
    missing
      ? `error: The package ${missing} is not installed. Run \`${install}\` in ${root}.`
      : `error: fedcardio is incomplete: ${error.message.split('\n')[0]}`,
  );
  process.exitCode = 1;
}
