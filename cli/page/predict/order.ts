import type { PredictRequest } from '../../predict-run.ts';

/** What the process of a prediction is told, once. */
export interface PredictOrder {
  readonly request: Omit<PredictRequest, 'onPictures'>;
  /** File that the result is written to, as JSON. */
  readonly result: string;
}

/** What the process tells. CTs are counted from 0. */
export type PredictNews =
  | {
      readonly type: 'progress';
      readonly ct: number;
      readonly cts: number;
      readonly done: number;
      readonly total: number;
    }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string; readonly hint?: string | undefined };
