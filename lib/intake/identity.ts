import type { ImageEntry } from '../federation/schemas.ts';
import type { NiftiHeader } from '../imaging/nifti-header.ts';
import type { VoxelArray } from '../imaging/volume.ts';
import { createFingerprinter } from './fingerprint.ts';
import { createSketcher } from './sketch.ts';

/** What identifies a CT, taken in the one pass that reads it. */
export interface IdentityObserver {
  take(stored: VoxelArray): void;
  result(): Pick<ImageEntry, 'content' | 'sketch'>;
}

export function observeIdentity(header: NiftiHeader): IdentityObserver {
  const fingerprinter = createFingerprinter(header);
  const sketcher = createSketcher(header);
  return {
    take(stored) {
      fingerprinter.take(stored);
      sketcher.take(stored);
    },
    result() {
      const sketch = sketcher.result();
      return { content: fingerprinter.digest(), ...(sketch ? { sketch } : {}) };
    },
  };
}
