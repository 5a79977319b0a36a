import { useState } from 'preact/hooks';
import type { SiteConsent } from '../../api/hospital/decide.ts';
import { DECIDER_LENGTH, DECISION_REASON_LENGTH, type DECISIONS, SCORE_LIMITS } from '../../api/hospital/names.ts';
import { ApiError, request } from '../../client.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Time } from '../../parts/time.tsx';
import { useTexts } from '../../text/language.ts';

type Decision = (typeof DECISIONS)[number];

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
  const [asked, setAsked] = useState<Decision>();
  const [failed, setFailed] = useState<{ readonly error: ApiError; readonly body: Body }>();

  const isNone = consent.scores === 'none';
  // A mean of one case is the value of a single case.
  const isOfMeans = consent.scores === 'aggregates' && consent.minimumCases > 1;

  async function change(body: Body) {
    setFailed(undefined);
    try {
      await request('siteConsent', { campaign }, { body: { ...body, plan } });
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setFailed({ error: failure, body });
    }
    onChanged();
  }

  return (
    <div class="consent">
      <p>
        {isOver && consent.state === 'asked' ? (
          <Badge tone="neutral">{text.unanswered}</Badge>
        ) : (
          <Badge tone={TONES[consent.state]}>{text.consents[consent.state]}</Badge>
        )}{' '}
        {consent.state !== 'asked' && (
          <span class="quiet">
            {consent.by} · <Time iso={consent.at} full />
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
        <li>{isOfMeans ? text.scores.aggregates(consent.minimumCases) : text.scores[isNone ? 'none' : 'cases']}</li>
        <li>{consent.figures ? text.minimum(consent.minimumCases) : text.noFigures}</li>
      </ul>
      {!isOver && (
        <p class="buttons">
          {CHOICES[consent.state].map((decision) => (
            <button
              key={decision}
              type="button"
              class={decision === 'agreed' ? 'primary' : 'danger'}
              onClick={() => setAsked(decision)}
            >
              {text.decisions[decision]}
            </button>
          ))}
        </p>
      )}
      {failed && (
        <p class="fault" role="alert">
          <strong>{text.notDecided}</strong> {failed.error.message} {failed.error.hint}{' '}
          <button type="button" onClick={() => change(failed.body)}>
            {text.tryAgain}
          </button>
        </p>
      )}
      {asked && (
        <Question
          campaign={campaign}
          decision={asked}
          consent={consent}
          onConfirm={change}
          onClose={() => setAsked(undefined)}
        />
      )}
    </div>
  );
}

interface Body {
  readonly state: Decision;
  readonly by: string;
  readonly reason?: string;
  readonly scores?: SiteConsent['scores'];
  readonly minimumCases?: number;
}

function Question(props: {
  readonly campaign: string;
  readonly decision: Decision;
  readonly consent: SiteConsent;
  readonly onConfirm: (body: Body) => void;
  readonly onClose: () => void;
}) {
  const { campaign, decision, consent, onConfirm, onClose } = props;
  const { decide: text } = useTexts().hospital;
  const [by, setBy] = useState('');
  const [reason, setReason] = useState('');
  const [scores, setScores] = useState(consent.scores);
  const [minimumCases, setMinimumCases] = useState(consent.minimumCases);
  const limits = decision === 'agreed' ? { scores, minimumCases } : {};
  return (
    <Confirm
      title={`${text.decisions[decision]}: ${campaign}`}
      action={text.decisions[decision]}
      isDangerous={decision !== 'agreed'}
      isReady={by.trim() !== ''}
      onConfirm={() =>
        onConfirm({ state: decision, by: by.trim(), ...(reason.trim() !== '' && { reason: reason.trim() }), ...limits })
      }
      onClose={onClose}
    >
      <p>{text.effects[decision]}</p>
      <label class="field">
        <span>{text.by}</span>
        <input
          type="text"
          required
          maxLength={DECIDER_LENGTH}
          value={by}
          onInput={({ currentTarget }) => setBy(currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>{text.why}</span>
        <input
          type="text"
          maxLength={DECISION_REASON_LENGTH}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      {decision === 'agreed' && (
        <>
          <label class="field">
            <span>{text.whichScores}</span>
            <select
              value={scores}
              onChange={({ currentTarget }) => setScores(currentTarget.value as SiteConsent['scores'])}
            >
              {SCORE_LIMITS.map((limit) => (
                <option key={limit} value={limit}>
                  {text.scoreChoices[limit]}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>{text.minimumCases}</span>
            <input
              type="number"
              min={1}
              max={1000}
              value={minimumCases}
              onInput={({ currentTarget }) =>
                setMinimumCases(Math.max(1, Math.round(Number(currentTarget.value)) || 1))
              }
            />
          </label>
        </>
      )}
    </Confirm>
  );
}
