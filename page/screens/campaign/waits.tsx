import type { CampaignView, RoundView } from '../../api/campaign.ts';
import { stateOf } from '../../api/cells.ts';
import { useFormats } from '../../parts/format.ts';
import { useNow } from '../../parts/time.tsx';
import { useTexts } from '../../text/language.ts';

/** Sites that are named. */
const NAMED = 12;

/** Whom the open rounds wait for, until when. Nothing for a campaign that has ended. */
export function Waits({ view }: { readonly view: CampaignView }) {
  const { campaign: text } = useTexts();
  const open = view.stages.flatMap(({ name, rounds }) =>
    rounds.filter(({ phase }) => phase !== 'committed').map((round) => ({ stage: name, round })),
  );
  if (view.endedAt !== undefined) return null;
  return (
    <section aria-labelledby="waits">
      <h2 id="waits">{text.waits}</h2>
      {open.length === 0 && <p class="quiet">{view.phase === 'paused' ? text.waitsPaused : text.waitsNothing}</p>}
      <ul class="waits">
        {open.map(({ stage, round }) => (
          <WaitingRound key={`${stage}/${round.round}`} stage={stage} round={round} sites={view.sites} />
        ))}
      </ul>
    </section>
  );
}

function WaitingRound(props: { readonly stage: string; readonly round: RoundView; readonly sites: readonly string[] }) {
  const { stage, round, sites } = props;
  const { campaign: text, campaigns, cells } = useTexts();
  const { instant, relative, list } = useFormats();
  const now = useNow();
  const states = [...round.cells].map(stateOf);
  const isRead = !states.includes('unread');
  const missing = sites.filter((_, index) => states[index] === 'waited for');
  const taking = states.filter((state) => state !== 'no data' && state !== 'not asked').length;
  const named = missing.slice(0, NAMED);
  const more = missing.length > NAMED ? [campaigns.moreSites(missing.length - NAMED)] : [];
  return (
    <li>
      <strong>{text.stageRound(stage, round.round)}</strong>
      <span class="line">
        {!isRead ? cells.unread : missing.length === 0 ? text.merging : list([...named, ...more])}
      </span>
      <span class="quiet line">
        {isRead && text.waitsFor(taking - missing.length, taking, round.quorum)}{' '}
        {missing.length > 0 && text.until(instant(round.deadline), relative(round.deadline, now))}
      </span>
    </li>
  );
}
