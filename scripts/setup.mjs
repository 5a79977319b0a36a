#!/usr/bin/env node
// Prepares a clone for every npm script: installs packages, then the tensor addon. Has no dependencies, since it runs
// before anything is installed. A second run takes milliseconds. `npm run setup` adds --again: it tries again to install an
// addon that could not be installed before, and says what there is.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installTensorAddon } from './tensor-addon.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const say = (line) => process.stderr.write(`setup: ${line}\n`);

requireNode(20, 19);
installPackages();
installTensorAddon({ root, say, again: process.argv.includes('--again') });

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  say(`Node ${process.versions.node} is too old: fedcardio needs ${major}.${minor} or newer (https://nodejs.org).`);
  process.exit(1);
}

/** Runs `npm ci`, unless node_modules was installed from the same lock file. */
function installPackages() {
  const stamp = join(root, 'node_modules', '.fedcardio-lock');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing npm packages (once)');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-fund', '--no-audit', '--loglevel=error'];
  const done = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (done.status !== 0) {
    say('npm ci failed, see above. Is the npm registry reachable?');
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}
