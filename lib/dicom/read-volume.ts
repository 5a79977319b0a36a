import { Worker } from 'node:worker_threads';
import { FedcardioError } from '../error.ts';
import type { Volume } from '../imaging/volume.ts';
import { programProcess } from '../program.ts';
import type { StackOrder } from './decode-chunk.ts';
import type { DecodeAnswer } from './decode-worker.ts';
import type { DicomVolume } from './inspect.ts';
import { refusal, UNREADABLE } from './refusal.ts';

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of slices that were decoded. */
  readonly onSlices?: ((done: number) => void) | undefined;
}

/** As intake: 1024³ voxels of two bytes. */
const MAX_VOXEL_BYTES = 2 * 1024 ** 3;
/** A slice takes some milliseconds, one of JPEG 2000 some hundred. A decoder that hangs on damaged data is ended. */
const [START_SECONDS, SLICE_SECONDS] = [120, 5];

/**
 * The voxels of an inspected series in HU, with the affine to world coordinates (RAS, mm); x runs along the image's columns,
 * y against its rows, z along its slices. int16, or float32 if a value is not whole or does not fit. Decodes in a worker
 * thread, which is ended afterwards: WebAssembly gives no memory back.
 *
 * @throws BAD_IMAGE with a reason for the radiographer; INTERRUPTED if `signal` is aborted
 */
export async function readVolume({ stack }: DicomVolume, { signal, onSlices }: ReadOptions = {}): Promise<Volume> {
  return decodeInWorker(orderOf(stack), signal, onSlices);
}

/**
 * What the decoder needs to know of a stack.
 *
 * @throws BAD_IMAGE if it is too large
 */
export function orderOf({ slices, positions, grid, row, column }: DicomVolume['stack']): StackOrder {
  const [nx, ny, nz] = grid.shape;
  if (2 * nx * ny * nz > MAX_VOXEL_BYTES) {
    const reason = `It is too large: ${nz} slices of ${nx} × ${ny} pixels are more than 2 GiB.`;
    throw refusal(reason, 'Reconstruct the heart or chest alone, with a larger slice distance or a smaller matrix.');
  }
  return {
    slices: slices.map(({ path, header }, index) => ({
      path,
      bitsStored: header.bitsStored,
      position: positions[index] as StackOrder['row'],
      slope: header.slope ?? 1,
      intercept: header.intercept ?? 0,
    })),
    ...{ grid, row, column, signed: slices[0]?.header.signed === true },
  };
}

function decodeInWorker(order: StackOrder, signal: AbortSignal | undefined, onSlices: ReadOptions['onSlices']) {
  const worker = new Worker(workerFile(), { stdout: true, stderr: true });
  return new Promise<Volume>((resolve, reject) => {
    const limit = setTimeout(() => reject(UNREADABLE), 1000 * (START_SECONDS + SLICE_SECONDS * order.slices.length));
    const stop = () => reject(new FedcardioError('INTERRUPTED', 'Reading a DICOM series was interrupted.'));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    worker.on('message', (answer: DecodeAnswer) => {
      if (answer.kind === 'progress') onSlices?.(answer.slices);
      else if (answer.kind === 'volume') resolve(answer.volume);
      else reject(refusal(answer.reason, answer.hint));
    });
    // Out of memory, for example. The error may quote a path.
    worker.on('error', () => reject(UNREADABLE));
    worker.on('exit', () => {
      clearTimeout(limit);
      signal?.removeEventListener('abort', stop);
      reject(UNREADABLE);
    });
    worker.postMessage(order);
  }).finally(() => worker.terminate());
}

/** The worker's file. From sources, it is one that registers the compiler in the worker. */
function workerFile(): string {
  const { file, execArgv } = programProcess('lib/dicom/decode-worker.ts');
  return execArgv.length > 0 ? file.replace(/\.ts$/, '.mjs') : file;
}
