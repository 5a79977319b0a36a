import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FedcardioError } from '../../../lib/error.ts';
import { parseJson } from '../../../lib/json.ts';
import type { Prediction } from '../../../page/api/predict/prediction.ts';
import { type PredictionResult, resultSchema } from '../../../page/api/predict/result.ts';
import { receiveFile } from '../receive-file.ts';
import { savePrediction } from './saved.ts';

/** The folder of a prediction on this machine, which only this user may read: it holds a patient's CT. */
export interface PredictionFolder {
  /** Of the CT as NIfTI, and of what was found. */
  readonly files: string;
  /** Of what was given and is not needed after the prediction: DICOM files, the model package. */
  readonly given: string;
  readonly result: string;
  /** Takes at most `most` bytes. */
  receive(folder: string, name: string, body: AsyncIterable<Uint8Array>, most: number): Promise<number>;
  save(prediction: Prediction): void;
  /** Removes what was given. */
  tidy(): void;
  remove(): void;
}

export function openFolder(root: string, id: string): PredictionFolder {
  const path = join(root, id);
  const [files, given, result] = [join(path, 'files'), join(path, 'given'), join(path, 'result.json')];
  for (const folder of [files, given]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    files,
    given,
    result,
    async receive(folder, name, body, most) {
      let bytes = 0;
      const bounded = async function* () {
        for await (const chunk of body) {
          bytes += chunk.length;
          if (bytes > most) throw new FedcardioError('BAD_CONFIGURATION', 'More bytes arrived than were announced.');
          yield chunk;
        }
      };
      await receiveFile(join(folder, name), name, bounded());
      return bytes;
    },
    save: (prediction) => savePrediction(path, prediction),
    tidy: () => rmSync(given, { recursive: true, force: true }),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** What a prediction has found, and its files; undefined if it has no result. */
export function readResult({ files, result }: PredictionFolder): PredictionResult | undefined {
  if (!existsSync(result)) return undefined;
  const found = parseJson(readFileSync(result), resultSchema.omit({ files: true }), 'result.json');
  return {
    ...found,
    files: readdirSync(files).map((file) => ({ file, bytes: statSync(join(files, file)).size })),
  };
}

/** Bytes of a name: a file system takes 255, and names of results are made from it. */
const LONGEST = 150;

/**
 * A name from elsewhere as a plain file name, with letters and digits of every script: its end, because that says what it is.
 */
export function safeName(name: string): string {
  const letters = [...name.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}._-]/gu, '_')];
  let bytes = 0;
  const fits = (letter: string) => {
    bytes += Buffer.byteLength(letter);
    return bytes <= LONGEST;
  };
  const from = letters.findLastIndex((letter) => !fits(letter)) + 1;
  const plain = letters
    .slice(from)
    .join('')
    .replace(/^[\p{M}.-]+/u, '');
  return plain === '' ? 'unnamed' : plain;
}
