/**
 * `fedcardio/safetensors`: read and write safetensors files (https://github.com/huggingface/safetensors#format) with
 * float32, half-float and integer tensors. Functions that read throw `BAD_WEIGHTS` for a file that is damaged or lies
 * about its size; they reserve memory by the bytes they are given, never by what a header claims.
 */
export { type ErrorCode, FedcardioError, isFedcardioError } from '../lib/error.ts';
export { decodeHalf, encodeHalf, type HalfDtype } from '../lib/weights/half-floats.ts';
export {
  type DecodeOptions,
  decodeSafetensors,
  decodeTensors,
  type EncodeOptions,
  encodeSafetensors,
  encodeSafetensorsHeader,
  type TensorShape,
} from '../lib/weights/safetensors.ts';
export {
  type Dtype,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsDataStart,
} from '../lib/weights/safetensors-header.ts';
export type { Tensor, Tensors, Weights, WeightTensor } from '../lib/weights/weights.ts';
