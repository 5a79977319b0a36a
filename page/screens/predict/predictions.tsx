import './predict.css';
import { useState } from 'preact/hooks';
import type { Prediction } from '../../api/predict/prediction.ts';
import { ApiError, request } from '../../client.ts';
import { linkTo } from '../../link.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Progress } from '../../parts/progress.tsx';
import { Empty, Resource } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useLive } from '../../parts/use-live.ts';
import type { ScreenProps } from '../../screen.ts';
import type { Texts } from '../../text/en.ts';
import { useTexts } from '../../text/language.ts';
import { NewPrediction } from './new-prediction.tsx';

/** A new prediction, and those on this computer. */
export function Screen({ session }: ScreenProps) {
  const { predict: text } = useTexts();
  const live = useLive('predictions');
  const [removed, setRemoved] = useState<Prediction>();
  const [fault, setFault] = useState<ApiError>();
  const showRefusal = async (change: Promise<unknown>) => {
    setFault(undefined);
    try {
      await change;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFault(error);
    }
  };
  const cancel = ({ prediction }: Prediction) =>
    void showRefusal(request('cancelPrediction', { prediction }, { body: {} }));
  return (
    <>
      <h1>{text.title}</h1>
      <p class="lead">
        {text.about} <strong>{text.research}</strong>
      </p>
      <NewPrediction session={session} />
      <Resource<'predictions'> state={{ ...live, reload: () => location.reload() }}>
        {({ predictions }) =>
          predictions.length === 0 ? (
            <Empty title={text.empty}>
              <p>{text.emptyHint}</p>
            </Empty>
          ) : (
            <>
              <h2>{text.list}</h2>
              {fault && (
                <p class="stale" role="alert">
                  {fault.message} {fault.hint}
                </p>
              )}
              <Table
                caption={text.list}
                columns={columnsOf(text, cancel, setRemoved)}
                rows={predictions}
                keyOf={({ prediction }) => prediction}
              />
            </>
          )
        }
      </Resource>
      {removed && (
        <Confirm
          title={text.removeTitle}
          action={text.remove}
          isDangerous
          onConfirm={() => void showRefusal(request('removePrediction', { prediction: removed.prediction }))}
          onClose={() => setRemoved(undefined)}
        >
          <p>{text.removeText(removed.ct)}</p>
        </Confirm>
      )}
    </>
  );
}

const TONES: Readonly<Record<Prediction['phase'], Tone>> = {
  receiving: 'waiting',
  waiting: 'waiting',
  running: 'active',
  done: 'good',
  failed: 'bad',
  cancelled: 'neutral',
};

const columnsOf = (
  text: Texts['predict'],
  onCancel: (of: Prediction) => void,
  onRemove: (of: Prediction) => void,
): readonly Column<Prediction>[] => [
  {
    title: text.ct,
    cell: ({ prediction, ct, phase }) =>
      phase === 'done' ? <a href={linkTo('predict/{prediction}', { prediction })}>{ct}</a> : ct,
  },
  { title: text.model, cell: ({ model }) => model },
  { title: text.state, cell: (one) => <State prediction={one} /> },
  { title: text.begun, cell: ({ at }) => <Time iso={at} /> },
  {
    title: text.actions,
    cell: (one) =>
      one.phase === 'waiting' || one.phase === 'running' || one.phase === 'receiving' ? (
        <button type="button" onClick={() => onCancel(one)}>
          {text.cancel}
        </button>
      ) : (
        <button type="button" onClick={() => onRemove(one)}>
          {text.remove}
        </button>
      ),
  },
];

function State({ prediction: { phase, progress, error } }: { readonly prediction: Prediction }) {
  const { predict: text } = useTexts();
  return (
    <>
      <Badge tone={TONES[phase]}>{text.phases[phase]}</Badge>
      {phase === 'running' && !progress && <span class="quiet line">{text.preparing}</span>}
      {progress && (
        <Progress
          done={progress.done}
          total={progress.total}
          label={
            progress.cts === 1
              ? text.windows(progress.done, progress.total)
              : text.windowsOf(progress.ct, progress.cts, progress.done, progress.total)
          }
        />
      )}
      {error && (
        <span class="reason">
          {error.message} {error.hint}
        </span>
      )}
    </>
  );
}
