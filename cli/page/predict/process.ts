/** The process of one prediction: takes an order as a message, tells how far it is, and writes the result. */
import { basename, join } from 'node:path';
import { isFedcardioError, systemError } from '../../../lib/error.ts';
import { classTitle } from '../../../lib/federation/tasks.ts';
import { greyPng } from '../../../lib/report/plane.ts';
import type { CutPicture } from '../../../lib/report/prediction-figures.ts';
import type { PredictionResult, ResultCt } from '../../../page/api/predict/result.ts';
import type { PredictedCt, TaskPictures } from '../../predict-ct.ts';
import { runPrediction } from '../../predict-run.ts';
import { pageFile } from '../../prediction-record.ts';
import { writeWhole } from '../../write-whole.ts';
import type { PredictNews, PredictOrder } from './order.ts';

const tell = (news: PredictNews) => process.send?.(news);

async function obey({ request, result }: PredictOrder): Promise<void> {
  const { out } = request;
  const pictures = new Map<string, { readonly name: string; readonly tasks: readonly TaskPictures[] }>();
  let about = { backend: '', origin: '', trainedOnPhantoms: false };
  let [ct, cts] = [0, 1];
  const onPictures = (name: string, tasks: readonly TaskPictures[]) =>
    void pictures.set(join(out, pageFile(name)), { name, tasks });
  const { predicted, failed } = await runPrediction(
    { ...request, onPictures },
    {
      onReady({ backend, origin, ensemble, cts: all }) {
        about = { backend, origin, trainedOnPhantoms: ensemble.trainedOnPhantoms === true };
        cts = all;
      },
      onCt: (index) => {
        ct = index;
      },
      onWindow: (done, total) => tell({ type: 'progress', ct, cts, done, total }),
      onCtEnd: () => undefined,
    },
  );
  const found: Omit<PredictionResult, 'files'> = {
    ...about,
    cts: predicted.map((one) => ctOf(one, pictures.get(one.page))),
    failed: failed.map((one) => ({ ct: basename(one.ct), reason: one.reason })),
  };
  writeWhole(result, JSON.stringify(found));
}

function ctOf(
  { ct, findings, measurements }: PredictedCt,
  shown: { readonly name: string; readonly tasks: readonly TaskPictures[] } | undefined,
): ResultCt {
  return {
    name: shown?.name ?? basename(ct),
    ct: basename(ct),
    measurements: measurements.map(({ doubts, ...one }) => ({ ...one, doubts: [...doubts] })),
    tasks: (shown?.tasks ?? []).flatMap(({ task, figures }) =>
      findings
        .filter((finding) => finding.task === task.id)
        .map(({ confidence, volumeMm3, doubts, files: [map = ''] }) => ({
          ...{ task: task.id, title: task.title, kind: task.kind, confidence, doubts: [...doubts], map: basename(map) },
          classes: task.classes.map((_, index) => ({ label: index + 1, title: classTitle(task, index + 1) })),
          ...(volumeMm3 !== undefined && { volumeMm3 }),
          figures: figures.map(({ title, position, cuts }) => ({
            title,
            ...(position && { position: [...position] }),
            cuts: cuts.map(pictureOf),
          })),
        })),
    ),
  };
}

const pictureOf = ({ cut, width, height, grey, marks }: CutPicture) => ({
  ...{ cut, width, height, marks: [...marks] },
  png: Buffer.from(greyPng(grey, width, height)).toString('base64'),
});

// The page has ended.
process.once('disconnect', () => process.exit(1));
process.once('message', (order: PredictOrder) => {
  obey(order).then(
    () => process.send?.({ type: 'done' } satisfies PredictNews, () => process.exit(0)),
    (thrown: unknown) => {
      const error = systemError(thrown) ?? thrown;
      if (!isFedcardioError(error)) throw thrown;
      const { message, hint } = error;
      process.send?.({ type: 'failed', message, hint } satisfies PredictNews, () => process.exit(1));
    },
  );
});
