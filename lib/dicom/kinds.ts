import type { DicomHeader } from './header.ts';

/** What a DICOM object is that no CT volume is made from, in a noun for the plural; undefined for an image of a CT. */
export function passedOverAs({ sopClass, modality, imageType, samples, photometric }: DicomHeader): string | undefined {
  const named = SOP_CLASSES.find(([uid]) => sopClass === uid || sopClass.startsWith(`${uid}.`))?.[1];
  if (named !== undefined && !CT_CLASSES.includes(sopClass)) return named;
  if (modality !== '' && modality !== 'CT') return MODALITIES[modality] ?? 'objects of another modality';
  if (!CT_CLASSES.includes(sopClass) && sopClass !== '') return 'objects that are not CT images';
  const shown = IMAGE_TYPES.find(([pattern]) => imageType.some((value) => pattern.test(value)))?.[1];
  if (shown !== undefined) return shown;
  return samples > 1 || /RGB|YBR|PALETTE/.test(photometric) ? 'colour pictures' : undefined;
}

export const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';
const CT_CLASSES: readonly string[] = [CT_IMAGE, `${CT_IMAGE}.1`, `${CT_IMAGE}.2`];

/** Storage classes, the longer UIDs first. Those that are not listed are named by their modality. */
const SOP_CLASSES: readonly (readonly [uid: string, what: string])[] = [
  ['1.2.840.10008.1.3.10', 'indexes of a disc (DICOMDIR)'],
  ['1.2.840.10008.5.1.4.1.1.88.67', 'dose reports'],
  ['1.2.840.10008.5.1.4.1.1.88', 'structured reports'],
  ['1.2.840.10008.5.1.4.1.1.66', 'segmentations or registrations'],
  ['1.2.840.10008.5.1.4.1.1.481', 'objects of radiotherapy, such as contours'],
  ['1.2.840.10008.5.1.4.1.1.104', 'documents'],
  ['1.2.840.10008.5.1.4.1.1.11', 'presentation states'],
  ['1.2.840.10008.5.1.4.1.1.7', 'screen captures'],
  ['1.2.840.10008.5.1.4.1.1.9', 'curves, such as an ECG'],
];

const MODALITIES: Readonly<Record<string, string>> = {
  MR: 'MR images',
  PT: 'PET images',
  NM: 'nuclear medicine images',
  US: 'ultrasound images',
  XA: 'angiography images',
  CR: 'X-ray images',
  DX: 'X-ray images',
  OT: 'screen captures',
  SC: 'screen captures',
  SR: 'structured reports',
  SEG: 'segmentations',
  RTSTRUCT: 'contours of radiotherapy (RTSTRUCT)',
  PR: 'presentation states',
  DOC: 'documents',
  ECG: 'curves, such as an ECG',
};

/** Values of ImageType that no voxel in HU can have. */
const IMAGE_TYPES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^(LOCALIZER|TOPOGRAM|SCOUT)$/, 'localizers'],
  [/^(MIP|MINIP|MAX_IP|MIN_IP|MAXIP|PROJECTION IMAGE|VRT|SSD|VOLUME_RENDER(ED|ING)?)$/, 'projections, such as a MIP'],
  [/^(CURVED|CPR|CURVED_MPR)$/, 'curved reformations'],
  [/^(SCREEN SAVE|DOSE_INFO|DOSE|REPORT|PROTOCOL)$/, 'screen captures'],
];
