import { createRequire } from 'node:module';
import type * as tfjs from '@tensorflow/tfjs';

/**
 * The one instance of TensorFlow.js that the native and the WebAssembly backend share. All code imports it from here: a
 * second copy would have its own registry, without backends. `@tensorflow/tfjs` also registers the gradients, unlike
 * `@tensorflow/tfjs-core`.
 *
 * It is CommonJS, and required as such. An import would let Node search its megabytes for names first, which takes longer
 * than to run them.
 */
export const tf: typeof tfjs = createRequire(import.meta.url)('@tensorflow/tfjs');

/** Its types. A constant has none. */
export declare namespace tf {
  type NamedTensorMap = tfjs.NamedTensorMap;
  type Rank = tfjs.Rank;
  namespace Rank {
    type R1 = tfjs.Rank.R1;
    type R3 = tfjs.Rank.R3;
    type R5 = tfjs.Rank.R5;
  }
  type Scalar = tfjs.Scalar;
  type Tensor<R extends Rank = Rank> = tfjs.Tensor<R>;
  type Tensor1D = tfjs.Tensor1D;
  type Tensor2D = tfjs.Tensor2D;
  type Tensor3D = tfjs.Tensor3D;
  type Tensor4D = tfjs.Tensor4D;
  type Tensor5D = tfjs.Tensor5D;
  type TensorContainer = tfjs.TensorContainer;
  type TensorInfo = tfjs.TensorInfo;
  namespace backend_util {
    type ExplicitPadding = tfjs.backend_util.ExplicitPadding;
  }
  type Variable<R extends Rank = Rank> = tfjs.Variable<R>;
}
