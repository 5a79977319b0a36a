import { column, spacingOf } from '../imaging/affine.ts';
import type { NiftiHeader } from '../imaging/nifti-header.ts';
import { directionsOf } from '../imaging/orientation.ts';
import type { VoxelArray } from '../imaging/volume.ts';

/**
 * Distance between the nodes of the lattice, mm. A node's value is the mean around it, weighted with a tent that falls
 * to 0 at the next nodes: so noise, spacing and interpolation change it by a few HU only.
 */
const PITCH_MM = 12;
/** Nodes kept. Those with the lowest hashes of their position: two crops of one CT keep the same ones where they overlap. */
const KEPT = 128;
/** Only tissue tells patients apart: everyone has air and lung. HU are clamped, because metal and padding vary. */
const TISSUE_HU = { min: -300, max: 700 } as const;
const CLAMP_HU = { min: -1024, max: 1500 } as const;
/** Larger lattices have no sketch, to bound memory at 8 MiB. A CT of 0.5 × 0.5 × 2 m has 300,000 nodes. */
const MAX_NODES = 1 << 20;
const BYTES_A_NODE = 8;

/** Takes a volume's stored values piece by piece in file order. */
export interface Sketcher {
  take(stored: VoxelArray): void;
  /** Base64 of {@link KEPT} nodes at most: three indices and a mean HU as int16 each. Undefined for too large a lattice. */
  result(): string | undefined;
}

/** Weights of one voxel axis on the lattice's nodes: voxel i has 1 − `rest[i]` on node `node[i]`, and the rest on the next. */
interface AxisWeights {
  readonly node: Int32Array;
  readonly rest: Float64Array;
  /** Lattice index of node 0. */
  readonly first: number;
  readonly count: number;
  /** Sum of the voxels' weights of each node. */
  readonly total: Float64Array;
  /** Sum of the weights of a node that lies at least one pitch within the volume. */
  readonly full: number;
}

/**
 * A coarse picture of a CT for finding other images of the same scan: mean HU on a lattice that is fixed in the world, at
 * a sample of its nodes. It does not leave the site.
 */
export function createSketcher({ shape, affine, scaling: { slope, intercept } }: NiftiHeader): Sketcher {
  const spacing = spacingOf(affine);
  const directions = directionsOf(affine);
  const axes = directions.map(({ sign }, axis) => {
    const along = column(affine, axis as 0 | 1 | 2).map((step) => (sign * step) / (spacing[axis] as number));
    const start = along.reduce((sum, cosine, world) => sum + cosine * (affine[world as 0]?.[3] as number), 0);
    return weightsOf(start, sign * (spacing[axis] as number), shape[axis] as number);
  }) as unknown as readonly [AxisWeights, AxisWeights, AxisWeights];
  const [ax, ay, az] = axes;
  const nodes = ax.count * ay.count * az.count;
  const sums = new Float64Array(nodes <= MAX_NODES ? nodes : 0);
  const row = new Float64Array(ax.count);
  const [nx, ny] = shape;
  let position = 0;

  const spread = (y: number, z: number) => {
    for (const [dy, wy] of [1 - (ay.rest[y] as number), ay.rest[y] as number].entries()) {
      for (const [dz, wz] of [1 - (az.rest[z] as number), az.rest[z] as number].entries()) {
        const start = ax.count * ((ay.node[y] as number) + dy + ay.count * ((az.node[z] as number) + dz));
        for (let i = 0; i < row.length; i += 1) sums[start + i]! += wy * wz * (row[i] as number);
      }
    }
    row.fill(0);
  };
  return {
    take(stored) {
      if (sums.length === 0) return;
      for (let i = 0; i < stored.length; ) {
        const x = position % nx;
        const end = Math.min(nx - x, stored.length - i);
        for (let j = 0; j < end; j += 1) {
          const raw = slope * (stored[i + j] as number) + intercept;
          const hu = raw < CLAMP_HU.min ? CLAMP_HU.min : raw > CLAMP_HU.max ? CLAMP_HU.max : raw;
          const node = ax.node[x + j] as number;
          const part = hu * (ax.rest[x + j] as number);
          row[node]! += hu - part;
          row[node + 1]! += part;
        }
        const line = Math.floor(position / nx);
        spread(line % ny, Math.floor(line / ny));
        i += end;
        position += end;
      }
    },
    result: () => (sums.length === 0 ? undefined : encode(sampleOf(sums, axes, directions))),
  };
}

/** @param start position of voxel 0 along the axis, mm, and the step to the next, negative if they run the other way */
function weightsOf(start: number, step: number, count: number): AxisWeights {
  const at = Float64Array.from({ length: count }, (_, i) => (start + i * step) / PITCH_MM);
  const first = Math.floor(Math.min(at[0] as number, at[count - 1] as number));
  const node = Int32Array.from(at, (value) => Math.floor(value) - first);
  const rest = at.map((value) => value - Math.floor(value));
  const nodes = Math.floor(Math.max(at[0] as number, at[count - 1] as number)) - first + 2;
  // A header may place the volume anywhere; the lattice is bounded by the caller.
  const total = new Float64Array(Math.min(nodes, MAX_NODES + 1));
  for (let i = 0; i < count && nodes <= MAX_NODES; i += 1) {
    total[node[i] as number]! += 1 - (rest[i] as number);
    total[(node[i] as number) + 1]! += rest[i] as number;
  }
  return { node, rest, first, count: nodes, total, full: PITCH_MM / Math.abs(step) };
}

/** A node of the lattice: its indices from the world's origin along right, anterior and superior, and its mean HU. */
export interface SketchNode {
  readonly at: readonly [number, number, number];
  readonly hu: number;
}

function sampleOf(
  sums: Float64Array,
  [ax, ay, az]: readonly [AxisWeights, AxisWeights, AxisWeights],
  directions: ReturnType<typeof directionsOf>,
): readonly SketchNode[] {
  const found: (SketchNode & { readonly hash: number })[] = [];
  const isInside = ({ total, full }: AxisWeights, i: number) => (total[i] as number) > 0.98 * full;
  for (let z = 0; z < az.count; z += 1) {
    for (let y = 0; y < ay.count; y += 1) {
      for (let x = 0; x < ax.count; x += 1) {
        if (!isInside(ax, x) || !isInside(ay, y) || !isInside(az, z)) continue;
        const weight = (ax.total[x] as number) * (ay.total[y] as number) * (az.total[z] as number);
        const hu = (sums[x + ax.count * (y + ay.count * z)] as number) / weight;
        if (hu < TISSUE_HU.min || hu > TISSUE_HU.max) continue;
        const at: [number, number, number] = [0, 0, 0];
        for (const [voxelAxis, index] of [ax.first + x, ay.first + y, az.first + z].entries())
          at[directions[voxelAxis as 0].axis] = index;
        found.push({ at, hu: Math.round(hu), hash: hashOf(at) });
      }
    }
  }
  return found.sort((a, b) => a.hash - b.hash).slice(0, KEPT);
}

/** MurmurHash3's mixing of three numbers: uniform in the unsigned integers of 32 bits. */
function hashOf(at: readonly number[]): number {
  let hash = 0;
  for (const value of at) {
    hash = Math.imul(hash ^ value, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

function encode(nodes: readonly SketchNode[]): string {
  const bytes = Buffer.alloc(nodes.length * BYTES_A_NODE);
  for (const [i, { at, hu }] of nodes.entries()) {
    for (const [k, value] of [...at, hu].entries()) bytes.writeInt16LE(wrap(value), i * BYTES_A_NODE + 2 * k);
  }
  return bytes.toString('base64');
}

/** Positions repeat beyond ±393 m. */
const wrap = (value: number): number => (value << 16) >> 16;

export function decodeSketch(sketch: string): readonly SketchNode[] {
  const bytes = Buffer.from(sketch, 'base64');
  return Array.from({ length: Math.floor(bytes.length / BYTES_A_NODE) }, (_, i) => {
    const [x = 0, y = 0, z = 0, hu = 0] = [0, 2, 4, 6].map((k) => bytes.readInt16LE(i * BYTES_A_NODE + k));
    return { at: [x, y, z], hu };
  });
}
