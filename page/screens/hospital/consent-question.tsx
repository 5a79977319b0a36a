import { useState } from 'preact/hooks';
import type { SiteConsent } from '../../api/hospital/decide.ts';
import {
  DECIDER_LENGTH,
  DECISION_REASON_LENGTH,
  type DECISIONS,
  MOST_MINIMUM_CASES,
  SCORE_LIMITS,
} from '../../api/hospital/names.ts';
import type { ApiError } from '../../client.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Field } from '../../parts/field.tsx';
import { useTexts } from '../../text/language.ts';

export type Decision = (typeof DECISIONS)[number];

/** An answer to a campaign as it is typed. */
export interface Answer {
  readonly decision: Decision;
  readonly by: string;
  readonly reason: string;
  readonly scores: SiteConsent['scores'];
  readonly minimumCases: string;
}

/** An answer whose fields are all right, as the API takes it. */
export const bodyOf = ({ decision, by, reason, scores, minimumCases }: Answer) => ({
  state: decision,
  by: by.trim(),
  ...(reason.trim() !== '' && { reason: reason.trim() }),
  ...(decision === 'agreed' && { scores, minimumCases: Number(minimumCases) }),
});

/** Whether a text is a number of cases that a site may demand. */
const isMinimum = (text: string): boolean =>
  /^\s*\d{1,9}\s*$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_MINIMUM_CASES;

/** Asks a person for an answer to a campaign. It stays open until the answer is recorded. */
export function ConsentQuestion(props: {
  readonly campaign: string;
  readonly answer: Answer;
  /** What the server said of the answer last. */
  readonly refusal: ApiError | undefined;
  readonly onChange: (answer: Answer) => void;
  /** Whether the answer was recorded. */
  readonly onConfirm: () => Promise<boolean>;
  readonly onClose: () => void;
}) {
  const { campaign, answer, refusal, onChange, onConfirm, onClose } = props;
  const { decision, by, reason, scores, minimumCases } = answer;
  const { decide: text } = useTexts().hospital;
  /** Faults are shown after the first try, and from then on while typing. */
  const [isTried, setTried] = useState(false);
  const byFault = by.trim() === '' ? text.byMissing : undefined;
  const casesFault = decision !== 'agreed' || isMinimum(minimumCases) ? undefined : text.badMinimum(MOST_MINIMUM_CASES);
  const shown = (fault: string | undefined) => (isTried ? fault : undefined);
  const change = (part: Partial<Answer>) => onChange({ ...answer, ...part });
  return (
    <Confirm
      title={`${text.decisions[decision]}: ${campaign}`}
      action={text.decisions[decision]}
      isDangerous={decision !== 'agreed'}
      onConfirm={async () => {
        setTried(true);
        return byFault === undefined && casesFault === undefined && onConfirm();
      }}
      onClose={onClose}
    >
      <p>{text.effects[decision]}</p>
      <Field label={text.by} fault={shown(byFault)}>
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            required
            maxLength={DECIDER_LENGTH}
            value={by}
            onInput={({ currentTarget }) => change({ by: currentTarget.value })}
          />
        )}
      </Field>
      <Field label={text.why}>
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            maxLength={DECISION_REASON_LENGTH}
            value={reason}
            onInput={({ currentTarget }) => change({ reason: currentTarget.value })}
          />
        )}
      </Field>
      {decision === 'agreed' && (
        <>
          <Field label={text.whichScores}>
            {(attributes) => (
              <select
                {...attributes}
                value={scores}
                onChange={({ currentTarget }) => change({ scores: currentTarget.value as SiteConsent['scores'] })}
              >
                {SCORE_LIMITS.map((limit) => (
                  <option key={limit} value={limit}>
                    {text.scoreChoices[limit]}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label={text.minimumCases(MOST_MINIMUM_CASES)} fault={shown(casesFault)}>
            {(attributes) => (
              // A number field hides what is no number, so that nobody could say what is wrong with it.
              <input
                {...attributes}
                type="text"
                inputMode="numeric"
                required
                value={minimumCases}
                onInput={({ currentTarget }) => change({ minimumCases: currentTarget.value })}
              />
            )}
          </Field>
        </>
      )}
      {refusal && (
        <p class="fault" role="alert">
          <strong>{text.notDecided}</strong> {refusal.message} {refusal.hint}
        </p>
      )}
    </Confirm>
  );
}
