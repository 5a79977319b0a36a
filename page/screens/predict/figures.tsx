import { useEffect, useState } from 'preact/hooks';
import type { ResultFigure, ResultTask } from '../../api/predict/result.ts';
import { doubtText } from '../../parts/doubts.ts';
import { useFormats } from '../../parts/format.ts';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';

type Picture = ResultFigure['cuts'][number];

/** What was found for one task: confidence, doubts, and cuts through each point or structure. */
export function TaskFigures({ task }: { readonly task: ResultTask }) {
  const { predict: text, measured } = useTexts();
  const { number } = useFormats();
  const { title, kind, confidence, volumeMm3, doubts, figures } = task;
  const titleOf = useTitles();
  const id = `task-${task.task}`;
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{titleOf(title)}</h2>
      <p>
        {text.confidence(number(confidence, 2))}
        {volumeMm3 !== undefined && ` · ${text.volume(`${number(volumeMm3, 4)}\u00a0mm³`)}`}
      </p>
      {doubts.map((doubt) => (
        <p key={doubt} class="doubt">
          ⚠ {text.unsure(doubtText(doubt, measured))}
        </p>
      ))}
      <div class="figures">
        {figures.map((figure) => (
          <CutFigure key={figure.title} figure={figure} isPoint={kind === 'landmarks'} />
        ))}
      </div>
    </section>
  );
}

function CutFigure({ figure, isPoint }: { readonly figure: ResultFigure; readonly isPoint: boolean }) {
  const { predict: text } = useTexts();
  const { position, cuts } = figure;
  const title = useTitles()(figure.title);
  if (cuts.length === 0) {
    return isPoint ? (
      <p class="missing">
        <strong>{title}</strong> <span class="doubt">✕ {text.notFound}</span>
      </p>
    ) : (
      <p class="quiet">{text.nothingFound(title)}</p>
    );
  }
  return (
    <figure>
      <div class="cuts">
        {cuts.map((cut) => (
          <CutPicture key={cut.cut} picture={cut} title={title} />
        ))}
      </div>
      <figcaption>
        <strong>{title}</strong>{' '}
        <span class="quiet">
          {position ? `(${position.map((value) => value.toFixed(1)).join(', ')}) mm RAS` : text.mostVoxels}
        </span>
      </figcaption>
    </figure>
  );
}

function CutPicture({ picture, title }: { readonly picture: Picture; readonly title: string }) {
  const { predict: text } = useTexts();
  const { cut, width, height, png, marks } = picture;
  const titleOf = useTitles();
  const address = usePng(png);
  return (
    <svg class="cut" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text.picture(text.cuts[cut], title)}>
      {address && <image href={address} width={width} height={height} />}
      {marks.map((mark) =>
        mark.kind === 'outline' ? (
          <path key="outline" class="outline" d={mark.path} />
        ) : mark.kind === 'ring' ? (
          <circle key={`ring ${mark.title}`} class="ring" cx={mark.x} cy={mark.y} r="4">
            <title>{titleOf(mark.title)}</title>
          </circle>
        ) : (
          <path key="cross" class="cross" d={`M${mark.x - 3},${mark.y - 3}l6,6m0,-6l-6,6`}>
            <title>{titleOf(mark.title)}</title>
          </path>
        ),
      )}
      <text x="4" y={height - 4}>
        {text.cuts[cut]}
      </text>
    </svg>
  );
}

/** The address of a PNG in base64. The page's policy allows no `data:` addresses. */
function usePng(base64: string): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const made = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [base64]);
  return address;
}
