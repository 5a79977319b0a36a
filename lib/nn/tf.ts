/**
 * The one instance of TensorFlow.js that the native and the WebAssembly backend share. All code imports it from here: a
 * second copy would have its own registry, without backends. `@tensorflow/tfjs` also registers the gradients, unlike
 * `@tensorflow/tfjs-core`.
 */
import * as tf from '@tensorflow/tfjs';

export { tf };
