import { useState } from 'preact/hooks';
import type { Finding, ReadinessState } from '../../api/hospital/readiness.ts';
import { ApiError, request } from '../../client.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Failure, Loading } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { useLive } from '../../parts/use-live.ts';
import { useTexts } from '../../text/language.ts';
import './hospital.css';

/** What `doctor` says of this place, asked for by a person. */
export function Screen() {
  const { readiness: text } = useTexts().hospital;
  const { data, error } = useLive('readiness');
  const [refused, setRefused] = useState<ApiError>();
  const start = () => {
    setRefused(undefined);
    request('readinessStart', {}).catch((thrown: unknown) => {
      if (!(thrown instanceof ApiError)) throw thrown;
      setRefused(thrown);
    });
  };
  if (!data) return error ? <Failure error={error} onRetry={() => location.reload()} /> : <Loading />;
  const { state } = data;
  return (
    <>
      <h1>{text.title}</h1>
      {(refused ?? error) && (
        <p class="stale" role="alert">
          {(refused ?? error)?.message}
        </p>
      )}
      <section class="panel">
        <p>{text.what}</p>
        <div class="start">
          <button type="button" class="primary" disabled={state?.isRunning} onClick={start}>
            {state ? text.again : text.start}
          </button>
          <span class="quiet" role="status">
            {state ? <Summary state={state} /> : text.never}
          </span>
        </div>
      </section>
      {state?.groups.map(({ group, findings }) => (
        <section class="panel" key={group}>
          <h2>{text.groups[group]}</h2>
          {findings ? (
            findings.length === 0 ? (
              <p class="quiet">{text.skippedGroup}</p>
            ) : (
              <Findings findings={findings} />
            )
          ) : (
            <p class="quiet">{state.isRunning ? text.running : text.waiting}</p>
          )}
        </section>
      ))}
      {state && <p class="quiet">{text.place}</p>}
    </>
  );
}

function Summary({ state }: { readonly state: ReadinessState }) {
  const { readiness: text } = useTexts().hospital;
  const all = state.groups.flatMap(({ findings = [] }) => findings);
  const count = (status: Finding['status']) => all.filter((finding) => finding.status === status).length;
  return (
    <>
      {state.endedAt === undefined ? (
        text.running
      ) : (
        <>
          {text.ended} <Time iso={state.endedAt} />
        </>
      )}
      {all.length > 0 && `: ${text.summary(count('ok'), count('warning'), count('failed'))}`}
    </>
  );
}

const TONES: Readonly<Record<Finding['status'], Tone>> = {
  ok: 'good',
  warning: 'waiting',
  failed: 'bad',
  skipped: 'neutral',
};

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  const { readiness: text } = useTexts().hospital;
  return (
    <ul class="findings">
      {findings.map(({ check, status, found, cure }) => (
        <li key={check}>
          <span class="finding-status">
            <Badge tone={TONES[status]}>{text.status[status]}</Badge>
          </span>
          <strong>{check}</strong>
          <span>
            {found}
            {cure !== undefined && (
              <span class="reason">
                <strong>{text.cure}:</strong> {cure}
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
