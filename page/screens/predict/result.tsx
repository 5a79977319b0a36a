import './predict.css';
import type { PredictionResult, ResultCt } from '../../api/predict/result.ts';
import { linkTo } from '../../link.ts';
import { doubtText } from '../../parts/doubts.ts';
import { type Formats, useFormats } from '../../parts/format.ts';
import { Empty, Resource } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { useResource } from '../../parts/use-resource.ts';
import type { ScreenProps } from '../../screen.ts';
import type { Texts } from '../../text/en.ts';
import { useTexts } from '../../text/language.ts';
import { TaskFigures } from './figures.tsx';
import { fileAddress, OnCt } from './on-ct.tsx';

/** What a model found in a CT. */
export function Screen({ params }: ScreenProps) {
  const { predict: text } = useTexts();
  const prediction = params.prediction as string;
  const state = useResource('prediction', { prediction });
  return (
    <>
      <p class="way">
        <a href={linkTo('predict')}>
          <span aria-hidden="true">‹</span> {text.back}
        </a>
      </p>
      <Resource state={state}>
        {({ prediction: { ct }, result }) => (
          <>
            <h1>{ct}</h1>
            {result ? <Result prediction={prediction} result={result} /> : <Empty title={text.notDone} />}
          </>
        )}
      </Resource>
    </>
  );
}

function Result({ prediction, result }: { readonly prediction: string; readonly result: PredictionResult }) {
  const texts = useTexts();
  const { predict: text } = texts;
  const formats = useFormats();
  return (
    <>
      <p class="lead">
        <strong>{text.research}</strong> {result.trainedOnPhantoms && text.phantoms}
      </p>
      {result.failed.length > 0 && (
        <section class="panel">
          <h2>{text.unused}</h2>
          <ul>
            {result.failed.map(({ ct, reason }) => (
              <li key={ct}>
                <strong>{ct}</strong>: {reason}
              </li>
            ))}
          </ul>
        </section>
      )}
      {result.cts.map((ct) => (
        <section key={ct.name}>
          {result.cts.length > 1 && <h2>{ct.name}</h2>}
          <OnCt prediction={prediction} ct={ct} isOpenAtFirst={result.cts.length === 1} />
          {ct.measurements.length > 0 && (
            <Table
              caption={text.measurements}
              columns={measuredColumns(texts, formats)}
              rows={ct.measurements}
              keyOf={({ id }) => id}
            />
          )}
          <p class="quiet">{text.orientation}</p>
          {ct.tasks.map((task) => (
            <TaskFigures key={task.task} task={task} />
          ))}
        </section>
      ))}
      <section class="files">
        <h2>{text.filesTitle}</h2>
        <Table
          caption={text.filesTitle}
          columns={[
            {
              title: text.file,
              cell: ({ file }) => (
                <a href={fileAddress(prediction, file)} download={file}>
                  {file}
                </a>
              ),
            },
            { title: text.size, isNumber: true, cell: ({ bytes }) => formats.bytes(bytes) },
          ]}
          rows={result.files}
          keyOf={({ file }) => file}
        />
      </section>
      <section>
        <h2>{text.from}</h2>
        <p class="quiet">{result.origin}</p>
        <p class="quiet">{result.backend}</p>
      </section>
    </>
  );
}

const measuredColumns = (
  { predict: text, measured }: Texts,
  { number }: Formats,
): readonly Column<ResultCt['measurements'][number]>[] => [
  { title: text.measured, cell: ({ id, title }) => measured.names[id] ?? title },
  {
    title: text.value,
    isNumber: true,
    cell: ({ value, unit }) =>
      value === null ? text.notMeasured : `${number(Number(value.toFixed(1)), 6)}\u00a0${unit}`,
  },
  {
    title: text.doubts,
    cell: ({ reason, doubts }) =>
      [...(reason === undefined ? [] : [reason]), ...doubts].map((doubt) => doubtText(doubt, measured)).join('; ') ||
      text.none,
  },
];
