/**
 * TensorFlow.js, the one instance that the native and the WebAssembly backend share. Everything imports it from
 * here: a second copy would have a registry of its own, without backends. `@tensorflow/tfjs` also registers the
 * gradients, which `@tensorflow/tfjs-core` alone does not.
 */
import * as tf from '@tensorflow/tfjs';

export { tf };
