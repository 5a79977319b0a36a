import { useState } from 'preact/hooks';
import type { CampaignView } from '../../api/campaign.ts';
import { REASON_LENGTH } from '../../api/limits.ts';
import { ApiError, request } from '../../client.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { useFormats } from '../../parts/format.ts';
import { PhaseBadge } from '../../parts/phase.tsx';
import { useTexts } from '../../text/language.ts';

type Action = 'pause' | 'resume' | 'cancel';

const ACTIONS: Readonly<Partial<Record<CampaignView['phase'], readonly Action[]>>> = {
  uploaded: ['pause', 'cancel'],
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
};

/** The state of a campaign, and the buttons that change it. */
export function Controls(props: {
  readonly view: CampaignView;
  readonly mayControl: boolean;
  readonly onChanged: () => void;
}) {
  const { view, mayControl, onChanged } = props;
  const { campaign: text } = useTexts();
  const { instant } = useFormats();
  const [asked, setAsked] = useState<Action>();
  const [error, setError] = useState<ApiError>();

  async function change(action: Action, reason: string) {
    setError(undefined);
    const body = { action, ...(reason !== '' && { reason }) };
    try {
      await request('controlCampaign', { campaign: view.campaign }, { body });
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure);
    }
    onChanged();
  }

  return (
    <>
      <div class="state-line">
        <PhaseBadge phase={view.phase} />
        <span class="quiet">
          {view.plannedAt !== undefined && text.planned(instant(view.plannedAt))}
          {view.endedAt !== undefined && `, ${text.ended(instant(view.endedAt))}`}
        </span>
        {mayControl && (
          <span class="buttons">
            {(ACTIONS[view.phase] ?? []).map((action) => (
              <button
                key={action}
                type="button"
                class={action === 'cancel' ? 'danger' : undefined}
                onClick={() => setAsked(action)}
              >
                {text[action]}
              </button>
            ))}
          </span>
        )}
      </div>
      {view.reason !== undefined && <p class="reason">{view.reason}</p>}
      {error && (
        <p class="fault" role="alert">
          <strong>{text.controlFailed}</strong> {error.message} {error.hint}
        </p>
      )}
      {asked && <Question action={asked} onConfirm={change} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function Question(props: {
  readonly action: Action;
  readonly onConfirm: (action: Action, reason: string) => void;
  readonly onClose: () => void;
}) {
  const { action, onConfirm, onClose } = props;
  const { campaign: text } = useTexts();
  const [reason, setReason] = useState('');
  return (
    <Confirm
      title={text[`${action}Title`]}
      action={text[`${action}Action`]}
      isDangerous={action === 'cancel'}
      onConfirm={() => void onConfirm(action, reason.trim())}
      onClose={onClose}
    >
      <p>{text[`${action}Text`]}</p>
      {action !== 'resume' && (
        <label class="field">
          <span>{text.reason}</span>
          <input
            type="text"
            maxLength={REASON_LENGTH}
            value={reason}
            onInput={({ currentTarget }) => setReason(currentTarget.value)}
          />
        </label>
      )}
    </Confirm>
  );
}
