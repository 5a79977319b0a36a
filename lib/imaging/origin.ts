import { VERSION } from '../version.ts';

/** What a predicted image is made from. */
export interface ImageOrigin {
  /** SHA-256 of the model's weights. */
  readonly model: string;
  /** SHA-256 of the CT: of its file, or of its voxels as intake's catalog gives it. */
  readonly image: { readonly sha256: string };
  readonly of: 'CT' | 'voxels';
}

/** What predicted images may be used for. */
const PURPOSES = { prediction: 'for research only', 'pseudo-label': 'research pseudo-label' };

/** Where a predicted image comes from, in one line for files that have room for a line: NIfTI keeps 79 bytes. */
export const originLine = ({ model, image, of }: ImageOrigin, kind: keyof typeof PURPOSES = 'prediction'): string =>
  `fedcardio ${VERSION} model ${model.slice(0, 12)} ${of} ${image.sha256.slice(0, 12)}: ${PURPOSES[kind]}`;
