import { useRef, useState } from 'preact/hooks';
import type { SiteConsent } from '../../api/hospital/decide.ts';
import { BY_POLICY } from '../../api/hospital/names.ts';
import { ApiError, request } from '../../client.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useTexts } from '../../text/language.ts';
import { type Answer, bodyOf, ConsentQuestion, type Decision } from './consent-question.tsx';

const TONES: Readonly<Record<SiteConsent['state'], Tone>> = {
  asked: 'waiting',
  agreed: 'good',
  declined: 'bad',
  withdrawn: 'bad',
  ended: 'neutral',
};

/** What a person may decide in each state. */
const CHOICES: Readonly<Record<SiteConsent['state'], readonly Decision[]>> = {
  asked: ['agreed', 'declined'],
  agreed: ['withdrawn'],
  declined: ['agreed'],
  withdrawn: ['agreed'],
  ended: ['agreed', 'declined'],
};

/** The site's answer to a campaign, what it lets leave, and the buttons that change it. */
export function ConsentControls(props: {
  readonly campaign: string;
  readonly plan: string | undefined;
  readonly consent: SiteConsent;
  readonly isOver: boolean;
  readonly onChanged: () => void;
}) {
  const { campaign, plan, consent, isOver, onChanged } = props;
  const { decide: text } = useTexts().hospital;
  /** The answer that a person is about to give. */
  const [open, setOpen] = useState<Answer>();
  /** The last answer that was not completed, with what was typed. */
  const [failed, setFailed] = useState<{ readonly error: ApiError; readonly answer: Answer }>();
  const state = useRef<HTMLParagraphElement>(null);
  const isOfMeans = consent.scores === 'aggregates' && consent.minimumCases > 1;

  async function give(answer: Answer): Promise<boolean> {
    try {
      await request('siteConsent', { campaign }, { body: { ...bodyOf(answer), plan } });
      setFailed(undefined);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailed({ error, answer });
      return false;
    } finally {
      onChanged();
    }
  }

  function close() {
    setOpen(undefined);
    // The button that asked is gone with the state that it was for.
    if (!failed || document.activeElement === document.body) state.current?.focus();
  }

  return (
    <div class="consent">
      <p ref={state} tabIndex={-1} aria-live="polite">
        {isOver && consent.state === 'asked' ? (
          <Badge tone="neutral">{text.unanswered}</Badge>
        ) : (
          <Badge tone={TONES[consent.state]}>{text.consents[consent.state]}</Badge>
        )}{' '}
        {consent.state !== 'asked' && (
          <span class="quiet">
            {consent.by === BY_POLICY ? text.policy : consent.by} · <Time iso={consent.at} full />
            {consent.until !== undefined && (
              <>
                {' '}
                · {text.until} <Time iso={consent.until} full />
              </>
            )}
          </span>
        )}
      </p>
      {consent.reason !== undefined && <p class="reason">{consent.reason}</p>}
      <ul>
        {/* A mean of one case is the value of a single case. */}
        <li>
          {isOfMeans
            ? text.scores.aggregates(consent.minimumCases)
            : text.scores[consent.scores === 'none' ? 'none' : 'cases']}
        </li>
        <li>{consent.figures ? text.minimum(consent.minimumCases) : text.noFigures}</li>
      </ul>
      {!isOver && (
        <p class="buttons">
          {CHOICES[consent.state].map((decision) => (
            <button
              key={decision}
              type="button"
              class={decision === 'agreed' ? 'primary' : 'danger'}
              onClick={() => {
                setFailed(undefined);
                setOpen({
                  decision,
                  by: '',
                  reason: '',
                  scores: consent.scores,
                  minimumCases: `${consent.minimumCases}`,
                });
              }}
            >
              {text.decisions[decision]}
            </button>
          ))}
        </p>
      )}
      {failed && !open && (
        <p class="fault" role="alert">
          <strong>{text.notDecided}</strong> {failed.error.message} {failed.error.hint}{' '}
          <button type="button" onClick={() => setOpen(failed.answer)}>
            {text.tryAgain}
          </button>
        </p>
      )}
      {open && (
        <ConsentQuestion
          campaign={campaign}
          answer={open}
          refusal={failed?.error}
          onChange={setOpen}
          onConfirm={() => give(open)}
          onClose={close}
        />
      )}
    </div>
  );
}
