import type { DicomImport } from '../../lib/dicom/import.ts';
import { FedcardioError } from '../../lib/error.ts';
import { counted } from '../../lib/report/format.ts';

/** The error of a folder without a CT series: what it holds instead, and what to do. */
export function noSeries({ passedOver, otherFiles }: DicomImport): FedcardioError {
  const found = [
    ...(passedOver.length > 0 ? [`${counted(passedOver.length, 'other DICOM series', 'other DICOM series')}`] : []),
    ...(otherFiles > 0 ? [`${counted(otherFiles, 'file')} that ${otherFiles === 1 ? 'is' : 'are'} not DICOM`] : []),
  ];
  return new FedcardioError(
    'NO_DATA',
    `The folder holds no CT series${found.length > 0 ? `, but ${found.join(' and ')}` : ''}.`,
    {
      hint: 'Export the original axial CT images from the PACS as DICOM; unpack archives (.zip) first.',
    },
  );
}
