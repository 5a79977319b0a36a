import type { UploadState } from '../../api/hospital/upload.ts';
import { ApiError, request } from '../../client.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { useFormats } from '../../parts/format.ts';
import { Progress } from '../../parts/progress.tsx';
import { useTexts } from '../../text/language.ts';
import { CheckedCases } from './checked-cases.tsx';

const TONES: Readonly<Record<UploadState['phase'], Tone>> = {
  receiving: 'active',
  importing: 'active',
  checking: 'active',
  checked: 'waiting',
  sending: 'active',
  sent: 'good',
  failed: 'bad',
};

/** How far an upload is, what the check found, and what can be done now. */
export function UploadSteps({
  state,
  onFault,
}: {
  readonly state: UploadState;
  readonly onFault: (text: string) => void;
}) {
  const { upload: text } = useTexts().hospital;
  const { phase, progress, error, upload } = state;
  const ask = (name: 'uploadSend' | 'uploadEnd') =>
    request(name, {}, { body: { upload } }).catch((thrown: unknown) => {
      if (!(thrown instanceof ApiError)) throw thrown;
      onFault(thrown.message);
    });
  const isOver = phase === 'sent' || phase === 'failed';
  const accepted = state.checked?.accepted ?? 0;
  return (
    <div role="status">
      <p>
        <Badge tone={TONES[phase]}>{text.phases[phase]}</Badge>
      </p>
      {progress && <Steps progress={progress} label={text.phases[phase]} />}
      {error && (
        <p class="reason">
          {error.message} {error.hint}
        </p>
      )}
      {(phase === 'checked' || phase === 'failed') && <Checked state={state} />}
      {phase === 'sent' && <Sent state={state} />}
      <div class="actions">
        <button type="button" onClick={() => void ask('uploadEnd')}>
          {isOver ? text.close : text.cancel}
        </button>
        {phase === 'checked' && accepted > 0 && (
          <button type="button" class="primary" onClick={() => void ask('uploadSend')}>
            {text.send(accepted)}
          </button>
        )}
      </div>
    </div>
  );
}

function Steps(props: { readonly progress: NonNullable<UploadState['progress']>; readonly label: string }) {
  const { upload: text } = useTexts().hospital;
  const formats = useFormats();
  const { done, total, bytes, ofBytes } = props.progress;
  const isCountedInBytes = bytes !== undefined && ofBytes !== undefined && ofBytes > 0;
  const amount = isCountedInBytes ? `, ${formats.bytes(bytes)} / ${formats.bytes(ofBytes)}` : '';
  return (
    <Progress
      done={isCountedInBytes ? bytes : done}
      total={isCountedInBytes ? ofBytes : total}
      label={`${text.progress(done, total)}${amount}`}
    />
  );
}

function Checked({ state: { checked, refused } }: { readonly state: UploadState }) {
  const { upload: text } = useTexts().hospital;
  return (
    <>
      {refused.length > 0 && (
        <>
          <h3>{text.refusedSeries}</h3>
          <ul class="faults">
            {refused.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </>
      )}
      {checked && (
        <>
          <p>
            {text.accepted(checked.accepted, checked.total)} {checked.accepted === 0 && text.nothingToSend}
          </p>
          <CheckedCases cases={checked.cases} />
        </>
      )}
    </>
  );
}

function Sent({ state: { sent } }: { readonly state: UploadState }) {
  const { upload: text } = useTexts().hospital;
  const formats = useFormats();
  if (!sent) return null;
  return (
    <>
      <p>
        {text.sent(sent.files, formats.bytes(sent.bytes))} {sent.stored > 0 && text.stored(sent.stored)} {text.examined}
      </p>
      <p class="quiet">{text.copyRemoved}</p>
      <CheckedCases cases={sent.refused} />
    </>
  );
}
