import { useState } from 'preact/hooks';
import { USES, type Use } from '../../api/hospital/names.ts';
import { ApiError } from '../../client.ts';
import { Choice } from '../../parts/choice.tsx';
import { DropZone } from '../../parts/drop-zone.tsx';
import { type GivenFile, MOST_FILES } from '../../parts/dropped.ts';
import { FileChoice } from '../../parts/file-choice.tsx';
import { Progress } from '../../parts/progress.tsx';
import { useLive } from '../../parts/use-live.ts';
import { useTexts } from '../../text/language.ts';
import { takeOver } from './take-over.ts';
import { UploadSteps } from './upload-steps.tsx';

/** Takes a folder from the browser, has it checked on this computer, and uploads what a person then says. */
export function Upload() {
  const { upload: text, cases } = useTexts().hospital;
  const { data } = useLive('upload');
  const [use, setUse] = useState<Use>('training');
  const [given, setGiven] = useState<{ readonly done: number; readonly total: number }>();
  const [fault, setFault] = useState<string>();

  async function take(files: readonly GivenFile[]): Promise<void> {
    setFault(undefined);
    if (files.length === 0) return setFault(text.noFiles);
    if (files.length > MOST_FILES) return setFault(text.tooMany(MOST_FILES));
    setGiven({ done: 0, total: files.length });
    try {
      await takeOver(files, use, (done) => setGiven({ done, total: files.length }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFault([error.message, error.hint ?? ''].join(' ').trim());
    }
    setGiven(undefined);
  }

  return (
    <section class="panel">
      <h2>{text.title}</h2>
      {fault !== undefined && (
        <p class="stale" role="alert">
          {fault}
        </p>
      )}
      {given ? (
        <Progress done={given.done} total={given.total} label={text.reading(given.done, given.total)} />
      ) : data?.state ? (
        <UploadSteps state={data.state} onFault={setFault} />
      ) : (
        <DropZone onFiles={take}>
          <p>
            <strong>{text.drop}</strong>
          </p>
          <p class="quiet">{text.what}</p>
          <p class="quiet">{text.pseudonyms}</p>
          <div class="drop-choices">
            <Choice
              label={text.use}
              options={USES.map((one) => [one, cases.uses[one]])}
              value={use}
              onChoose={(chosen) => setUse(USES.find((one) => one === chosen) ?? 'training')}
            />
            <FileChoice label={text.choose} isFolder onFiles={take} />
          </div>
        </DropZone>
      )}
    </section>
  );
}
