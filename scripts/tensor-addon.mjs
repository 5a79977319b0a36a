// Installs the native addon of @tensorflow/tfjs-node-gpu: the vendor's download if it is available, otherwise an addon
// built against libtensorflow from the PyPI wheel, otherwise none. Without it, fedcardio runs on WebAssembly.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const TENSORFLOW = '2.21.0';
/** The wheel that contains libtensorflow. `tensorflow` supports CUDA. If the variable is set, nothing else is tried. */
const WHEEL = process.env.FEDCARDIO_TENSORFLOW || 'tensorflow-cpu';
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const PYTHON_VERSIONS = ['3.13', '3.12', '3.11', '3.10'];

/**
 * Installs a loadable addon in node_modules, or prints in one line why it cannot. `FEDCARDIO_BACKEND=wasm` skips it.
 *
 * @param again whether a person asked: what failed before is tried again, and what is already there is said
 */
export function installTensorAddon({ root, say, again = false }) {
  const pkg = join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
  const addonDir = join(pkg, 'lib', 'napi-v8');
  const failed = join(pkg, '.fedcardio-no-addon');
  const settled = (line) => again && say(`tensor addon: ${line}`);
  if (process.env.FEDCARDIO_BACKEND === 'wasm') return settled('skipped, because FEDCARDIO_BACKEND is wasm');
  if (existsSync(join(addonDir, 'tfjs_binding.node'))) return settled('ready, installed before');
  if (existsSync(failed) && !again) return;
  rmSync(failed, { force: true });

  const attempts = [];
  const vendor = ["the vendor's prebuilt addon", () => vendorDownload(pkg)];
  const wheel = [
    `an addon built against libtensorflow ${TENSORFLOW} from PyPI`,
    () => buildFromWheel({ root, pkg, addonDir, say }),
  ];
  for (const [name, attempt] of process.env.FEDCARDIO_TENSORFLOW ? [wheel] : [vendor, wheel]) {
    try {
      say(`tensor addon: trying ${name}`);
      attempt();
      if (!loads(root)) throw new Error('it was installed but does not load');
      say(`tensor addon: ready, ${name}`);
      return;
    } catch (error) {
      attempts.push(`${name}: ${firstLine(error)}`);
      rmSync(join(pkg, 'lib'), { recursive: true, force: true });
      rmSync(join(pkg, 'deps'), { recursive: true, force: true });
    }
  }
  writeFileSync(failed, attempts.join('\n'));
  say(`tensor addon: none, running on WebAssembly, several times slower. Tried ${attempts.join('; ')}.`);
  say('tensor addon: after installing what was missing, run `npm run setup` to try again');
}

function vendorDownload(pkg) {
  run(process.execPath, ['scripts/install.js', 'gpu', 'download'], { cwd: pkg, timeout: 600_000 });
  if (!existsSync(join(pkg, 'lib', 'napi-v8', 'tfjs_binding.node')))
    throw new Error('its download could not be reached');
}

/**
 * Compiles the addon's two C++ files against the C API of the wheel. The libraries (640 MB, without the symbols that only a
 * debugger reads) are in the user's cache, which all clones share; the addon finds them there by rpath.
 */
function buildFromWheel({ root, pkg, addonDir, say }) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('only tried on Linux x64');
  for (const tool of [
    ['python3', '-m', 'pip', '--version'],
    ['g++', '--version'],
  ])
    run(tool[0], tool.slice(1), {});
  const tensorflow = libtensorflow(say);
  mkdirSync(addonDir, { recursive: true });
  run(
    'g++',
    [
      '-std=c++17',
      '-O2',
      '-fPIC',
      '-shared',
      '-DNAPI_VERSION=8',
      '-DNODE_GYP_MODULE_NAME=tfjs_binding',
      '-I',
      pkg,
      '-I',
      join(root, 'node_modules', 'node-api-headers', 'include'),
      '-I',
      join(tensorflow, 'include'),
      'binding/tfjs_backend.cc',
      'binding/tfjs_binding.cc',
      '-L',
      tensorflow,
      `-Wl,-rpath,${tensorflow}`,
      ...LIBRARIES.map((name) => `-l:${name}`),
      '-o',
      join(addonDir, 'tfjs_binding.node'),
    ],
    { cwd: pkg },
  );
}

/** The folder with libtensorflow and its headers. Downloaded on first use, and renamed into place when complete. */
function libtensorflow(say) {
  const cache =
    process.env.FEDCARDIO_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fedcardio');
  const variant = WHEEL === 'tensorflow-cpu' ? '' : `-${WHEEL}`;
  const home = join(cache, `libtensorflow-${TENSORFLOW}${variant}`, 'tensorflow');
  if (existsSync(home)) return home;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'download-'));
  try {
    say(`tensor addon: downloading libtensorflow ${TENSORFLOW} (270 MB, once) into ${cache}`);
    downloadWheel(work);
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip downloaded no wheel');
    run('python3', ['-c', EXTRACT, join(work, wheel), join(work, 'out'), ...LIBRARIES], {});
    // Symbols for debuggers are a quarter of it. Stripped libraries with CUDA have not been tried.
    if (!variant)
      run('strip', ['--strip-unneeded', ...LIBRARIES.map((name) => join(work, 'out', 'tensorflow', name))], {});
    mkdirSync(join(home, '..'), { recursive: true });
    try {
      renameSync(join(work, 'out', 'tensorflow'), home);
    } catch (error) {
      if (!existsSync(home)) throw error; // another setup was faster
    }
    return home;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The wheels of all CPython versions contain the same C libraries, so that the machine's version does not matter. */
function downloadWheel(folder) {
  let last;
  for (const version of PYTHON_VERSIONS) {
    try {
      run(
        'python3',
        [
          '-m',
          'pip',
          'download',
          '--quiet',
          '--no-deps',
          '--only-binary=:all:',
          '--python-version',
          version,
          '--platform',
          'manylinux_2_27_x86_64',
          '-d',
          folder,
          `${WHEEL}==${TENSORFLOW}`,
        ],
        { timeout: 900_000 },
      );
      return;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

const EXTRACT = `
import sys, zipfile
wheel, out, *libraries = sys.argv[1:]
with zipfile.ZipFile(wheel) as z:
    for n in z.namelist():
        if n.startswith(('tensorflow/include/tensorflow/c/', 'tensorflow/include/xla/tsl/c/')) or 'platform/ctstring' in n \
           or n in ['tensorflow/' + library for library in libraries]:
            z.extract(n, out)
`;

function loads(root) {
  return spawnSync(process.execPath, ['-e', PROBE], { cwd: root, stdio: 'ignore', timeout: 120_000 }).status === 0;
}

// Node 23 removed util.isNullOrUndefined, which tfjs-node 4.22 calls.
const PROBE = `
const util = require('util'); util.isNullOrUndefined ??= (x) => x === null || x === undefined;
const tf = require('@tensorflow/tfjs-node-gpu');
if (tf.getBackend() !== 'tensorflow' || tf.add(1, 2).dataSync()[0] !== 3) process.exit(1);
`;

function run(command, args, options) {
  const done = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', ...options });
  if (done.error) throw new Error(`${command}: ${done.error.message}`);
  if (done.status !== 0)
    throw new Error(`${command} failed: ${firstLine({ message: done.stderr.trim() || done.stdout.trim() })}`);
}

const firstLine = (error) =>
  String(error.message)
    .split('\n')
    .find((line) => line.trim() !== '') ?? 'no reason given';
