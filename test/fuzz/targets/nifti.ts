import { isFedcardioError } from '../../../lib/error.ts';
import { type NiftiVolume, readNifti } from '../../../lib/imaging/nifti-read.ts';
import { type NiftiScan, scanNifti } from '../../../lib/imaging/nifti-scan.ts';
import type { VoxelArray } from '../../../lib/imaging/volume.ts';
import { examineImage } from '../../../lib/intake/image.ts';
import type { Target } from '../engine.ts';
import { niftiFiles } from './nifti-files.ts';

/**
 * Image files. They are read or refused as `BAD_IMAGE`. The reader of GPU tasks and the one of intake agree on which, and
 * on every value. What intake accepts as a CT has finite facts within its limits, and a GPU task can read it.
 */
export const nifti = (): Target => ({
  inputs: niftiFiles,
  check: async (input) => {
    const read = await refused(async () => readNifti(input));
    const scan = await refused(() => scanValues(input));
    if (isRefusal(read) !== isRefusal(scan)) {
      throw new Error(`readNifti: ${outcomeOf(read)}; scanNifti: ${outcomeOf(scan)}`);
    }
    if (!isRefusal(read) && !isRefusal(scan)) compare(read, scan);
    const facts = await refused(() => examineImage(piecesOf(input), input.length));
    if (isRefusal(facts)) return;
    if (isRefusal(read)) throw new Error(`intake accepts what a GPU task refuses: ${read.message}`);
    const { range, spacing, affine, orientation, shape } = facts;
    const numbers = [...range, ...spacing, ...affine.flat(), ...shape];
    if (!numbers.every(Number.isFinite)) throw new Error(`facts are not finite: ${JSON.stringify(facts)}`);
    if (!(range[0] < 0 && range[1] > range[0] && Math.max(-range[0], range[1]) <= 65536))
      throw new Error(`range ${range}`);
    if (!spacing.every((size) => size > 0.04 && size < 11)) throw new Error(`spacing ${spacing}`);
    if (!/^[RL][AP][SI]$/.test([...orientation].sort(byAxis).join(''))) throw new Error(`orientation ${orientation}`);
  },
});

const byAxis = (a: string, b: string) => 'RLAPSI'.indexOf(a) - 'RLAPSI'.indexOf(b);

interface Scanned extends NiftiScan {
  readonly stored: readonly number[];
}

async function scanValues(input: Uint8Array): Promise<Scanned> {
  const stored: number[] = [];
  const scan = await scanNifti(piecesOf(input), input.length, {
    header: () => {},
    values: (values) => {
      for (const one of values as VoxelArray) stored.push(one);
    },
  });
  return { ...scan, stored };
}

/** The file in pieces whose size depends on the file. */
async function* piecesOf(input: Uint8Array): AsyncGenerator<Uint8Array> {
  const size = 1 + ((input.length * 7919) % 997);
  for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size);
}

function compare(read: NiftiVolume, { header, stored }: Scanned): void {
  const { data, shape } = read;
  if (JSON.stringify(header) !== JSON.stringify(read.header)) throw new Error('the readers see different headers');
  if (data.length !== shape[0] * shape[1] * shape[2] || stored.length !== data.length) {
    throw new Error(`${shape.join('×')} voxels: ${data.length} are read, ${stored.length} are scanned`);
  }
  const { slope, intercept } = header.scaling;
  const one = data.slice(0, 1);
  for (let i = 0; i < data.length; i++) {
    one[0] = slope * (stored[i] as number) + intercept;
    // The sign of zero has no meaning in HU.
    if (!Object.is(one[0], data[i]) && one[0] !== data[i]) throw new Error(`voxel ${i} is ${data[i]} or ${one[0]}`);
  }
}

interface Refusal {
  readonly refusal: true;
  readonly message: string;
}

async function refused<T>(work: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_IMAGE')) throw error;
    if (!error.message.endsWith('.') || !error.hint) throw new Error(`a bad message: ${error.message}`);
    return { refusal: true, message: error.message };
  }
}

const isRefusal = (value: object): value is Refusal => 'refusal' in value;
const outcomeOf = (value: object) => (isRefusal(value) ? value.message : 'accepted');
