import type { AddedPrediction } from '../../api/predict/schemas.ts';
import { request } from '../../client.ts';
import type { GivenCt } from './given-ct.ts';

const AT_ONCE = 4;

/** The file of a model package, or a stage of a campaign. */
export type ChosenModel = File | { readonly campaign: string; readonly stage: string };

/**
 * Hands a CT and a model to the program that serves the page, and puts the prediction into its queue.
 *
 * @param onBytes told how many bytes of the files have arrived
 * @throws ApiError
 */
export async function sendPrediction(ct: GivenCt, model: ChosenModel, onBytes: (bytes: number) => void): Promise<void> {
  const isFile = model instanceof File;
  const added: AddedPrediction = {
    ct: ct.name,
    source: ct.source,
    model: isFile ? { kind: 'file', file: model.name } : { kind: 'stage', ...model },
    bytes: ct.bytes + (isFile ? model.size : 0),
  };
  const prediction = (await request('addPrediction', {}, { body: added }))?.data.prediction ?? '';
  // Paths of DICOM files say nothing that their content does not, and may name the patient.
  const left = ct.files.map((file, index) => ({ part: 'ct', file, name: `${index}.dcm` }));
  if (isFile) left.push({ part: 'model', file: model, name: model.name });
  let bytes = 0;
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      await request('givePrediction', { prediction, part: next.part, file: next.name }, { body: next.file });
      bytes += next.file.size;
      onBytes(bytes);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    await request('startPrediction', { prediction }, { body: {} });
  } catch (error) {
    left.length = 0;
    await request('removePrediction', { prediction }).catch(() => undefined);
    throw error;
  }
}
