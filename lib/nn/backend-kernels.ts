import { FedcardioError } from '../error.ts';
import type { Kernels } from './kernel-interface.ts';
import { nativeKernels } from './native-kernels.ts';
import { tf } from './tf.ts';
import { wasmKernels } from './wasm-kernels.ts';

/** The kernels of the current backend; see {@link loadBackend}. */
export function kernels(): Kernels {
  const backend = tf.getBackend();
  if (backend === 'tensorflow') return nativeKernels;
  if (backend === 'wasm') return wasmKernels;
  throw new FedcardioError('NO_BACKEND', `No tensor backend is loaded (TensorFlow.js has "${backend}").`, {
    hint: 'Call loadBackend() first.',
  });
}
