import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, sep } from 'node:path';
import util from 'node:util';
import { describeError, FedcardioError } from '../error.ts';
import { tf } from './tf.ts';

/** The tensor library that runs the networks. */
export interface Backend {
  readonly name: 'native' | 'wasm';
  /** The device that holds the tensors. */
  readonly device: 'cpu' | 'gpu';
  /** One line for users: the library, its device and, for WebAssembly, why it is not native. */
  readonly description: string;
}

const require = createRequire(import.meta.url);
const loaded = new Map<string, Promise<Backend>>();

/**
 * Loads the best tensor backend and makes it current: TensorFlow's native library (CUDA or CPU), otherwise WebAssembly,
 * but never TensorFlow.js's pure JavaScript backend, which is forty times slower. The result is cached; asking for
 * another backend switches to it.
 *
 * @param preference `native`, `wasm`, or `auto` for the best that loads; by default `FEDCARDIO_BACKEND`, then `auto`
 * @throws FedcardioError `NO_BACKEND` if no permitted backend loads, `BAD_CONFIGURATION` for another preference
 */
export async function loadBackend(preference: string = process.env.FEDCARDIO_BACKEND || 'auto'): Promise<Backend> {
  let backend = loaded.get(preference);
  if (!backend) {
    backend = resolve(preference);
    loaded.set(preference, backend);
  }
  const resolved = await backend;
  await tf.setBackend(resolved.name === 'native' ? 'tensorflow' : 'wasm');
  return resolved;
}

async function resolve(preference: string): Promise<Backend> {
  switch (preference) {
    case 'native':
      return native();
    case 'wasm':
      return wasm('by configuration');
    case 'auto':
      try {
        return native();
      } catch (error) {
        return wasm(describeError(error));
      }
    default:
      throw new FedcardioError('BAD_CONFIGURATION', `There is no tensor backend "${preference}".`, {
        hint: 'Set FEDCARDIO_BACKEND to native, wasm or auto.',
      });
  }
}

function native(): Backend {
  // TensorFlow's C++ code reads it when it is loaded. Its notes on CPU features would hide our output.
  if (!process.env.FEDCARDIO_DEBUG) process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // Removed in Node 23, but tfjs-node 4.22 still calls it.
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  try {
    require('@tensorflow/tfjs-node-gpu');
  } catch (cause) {
    throw new FedcardioError('NO_BACKEND', 'The native TensorFlow addon does not load.', {
      cause,
      hint: 'Run `npm run setup` to install or build it.',
    });
  }
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as {
    readonly binding: { readonly TF_Version: string };
    readonly isUsingGpuDevice: boolean;
  };
  const threads = Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism();
  const device = isUsingGpuDevice ? 'a CUDA GPU' : `CPU (${threads} ${threads === 1 ? 'thread' : 'threads'})`;
  return {
    name: 'native',
    device: isUsingGpuDevice ? 'gpu' : 'cpu',
    description: `native TensorFlow ${binding.TF_Version} on ${device}`,
  };
}

async function wasm(reason: string): Promise<Backend> {
  try {
    const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm') as typeof import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
    if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js refused it');
  } catch (cause) {
    throw new FedcardioError('NO_BACKEND', `No tensor backend loads: WebAssembly failed (${describeError(cause)}).`, {
      cause,
      hint: 'Run `npm run setup`; with FEDCARDIO_DEBUG=1 TensorFlow says more.',
    });
  }
  const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? 'SIMD' : 'without SIMD';
  return { name: 'wasm', device: 'cpu', description: `WebAssembly (${simd}, 1 thread), ${reason}` };
}
