import { useMemo, useState } from 'preact/hooks';
import type { ResultCt } from '../../api/predict/result.ts';
import { ROUTES } from '../../api/routes.ts';
import { urlOf } from '../../client.ts';
import { useFormats } from '../../parts/format.ts';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';
import { colourOf, firstColours } from '../../viewer/colours.ts';
import { CtPicture } from '../../viewer/ct-picture.tsx';
import { Distance } from '../../viewer/distance.tsx';
import type { Layer, NamedPoint } from '../../viewer/layer.ts';
import { LayerList } from '../../viewer/layer-list.tsx';
import { type ListedPoint, PointList } from '../../viewer/point-list.tsx';
import type { Scene } from '../../viewer/scene.ts';

/** Address of a file of a prediction. */
export const fileAddress = (prediction: string, file: string): string =>
  urlOf(ROUTES.predictionFile.path, { prediction, file }, undefined);

interface OnCtProps {
  readonly prediction: string;
  readonly ct: ResultCt;
}

/** A CT with what was found in it. One of several is opened when it is asked for: each needs memory of the graphics card. */
export function OnCt({ isOpenAtFirst, ...props }: OnCtProps & { readonly isOpenAtFirst: boolean }) {
  const { predict: text } = useTexts();
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  if (isOpen) return <Opened {...props} />;
  return (
    <p>
      <button type="button" onClick={() => setOpen(true)}>
        {text.openCt}
      </button>
    </p>
  );
}

function Opened({ prediction, ct }: OnCtProps) {
  const { predict: text, viewer } = useTexts();
  const { number } = useFormats();
  const titleOf = useTitles();
  const [scene, setScene] = useState<Scene>();
  const layers = useMemo(
    () =>
      ct.tasks.map(({ task, title, classes, map, confidence }): Layer & { readonly confidence: number } => ({
        ...{ id: task, title: titleOf(title), address: fileAddress(prediction, map), isShown: true, confidence },
        classes: classes.map((one) => ({ ...one, title: titleOf(one.title) })),
      })),
    [prediction, ct],
  );
  const points = useMemo(() => pointsOf(ct).map((one) => ({ ...one, title: titleOf(one.title) })), [ct]);
  const found = useMemo(() => points.filter((point): point is NamedPoint => point.position !== null), [points]);
  return (
    <div class="on-ct">
      <div>
        <CtPicture address={fileAddress(prediction, ct.ct)} points={found} onScene={setScene} />
      </div>
      <div class="on-ct-side">
        <section class="panel">
          <h2>{viewer.layers}</h2>
          <LayerList
            layers={layers}
            scene={scene}
            about={({ confidence }) => <span class="quiet">{text.confidence(number(confidence, 2))}</span>}
          />
        </section>
        {points.length > 0 && (
          <section class="panel">
            <h2>{viewer.points}</h2>
            <PointList points={points} scene={scene} />
            <Distance points={points} />
          </section>
        )}
      </div>
    </div>
  );
}

/** All points of the landmark tasks, found or not, in the colours of their classes. */
function pointsOf({ tasks }: ResultCt): readonly ListedPoint[] {
  const first = firstColours(tasks.map(({ task, classes }) => ({ id: task, classes })));
  return tasks
    .filter(({ kind }) => kind === 'landmarks')
    .flatMap(({ task, classes, figures }) =>
      figures.map(({ title, position }, index) => {
        const label = classes.find((one) => one.title === title)?.label ?? index + 1;
        return {
          title,
          colour: colourOf(first.get(task) ?? 0, label),
          position: (position ?? null) as ListedPoint['position'],
        };
      }),
    );
}
