import { useEffect, useState } from 'preact/hooks';
import { Loading, Resource } from '../../parts/states.tsx';
import { isAnswered, useResource, useResourceInParts } from '../../parts/use-resource.ts';
import type { ScreenProps } from '../../screen.ts';
import { useTexts } from '../../text/language.ts';
import './campaign.css';
import { Controls } from './controls.tsx';
import { Curves } from './curves.tsx';
import { Events } from './events.tsx';
import { Grid } from './grid.tsx';
import { CampaignHead } from './head.tsx';
import { Notices } from './notices.tsx';
import { StageGraph } from './stage-graph.tsx';
import { Waits } from './waits.tsx';

/** Ended campaigns do not change, but for late answers. */
const ENDED_EVERY = 60_000;

const OVERVIEW = { part: 'overview' } as const;
const PARTS = { part: { part: 'sealed' }, whole: { part: 'all' } } as const;

/** A campaign: stages, sites and rounds, losses, events, and what it waits for. */
export function Screen({ params, session }: ScreenProps) {
  const campaign = params.campaign as string;
  const text = useTexts();
  const [hasEnded, setEnded] = useState(false);
  const overview = useResource('campaign', { campaign }, { every: 0, query: OVERVIEW });
  // What all sites have answered takes a request for each: what needs none is shown meanwhile.
  const rounds = useResourceInParts(
    'campaign',
    { campaign },
    { ...PARTS, isWanted: isAnswered(overview), ...(hasEnded && { every: ENDED_EVERY }) },
  );
  const hasRounds = isAnswered(rounds);
  const state = hasRounds ? rounds : { ...overview, reload: rounds.reload };
  useEffect(() => setEnded(state.data?.endedAt !== undefined), [state.data]);
  return (
    <>
      <CampaignHead campaign={campaign} view="overview" />
      <Resource<'campaign'> state={state}>
        {(view) => (
          <div class="campaign">
            <Controls view={view} mayControl={session.may.control} onChanged={state.reload} />
            <Notices view={view} />
            {view.stages.length === 0 ? (
              <p class="quiet">{text.campaign.notPlanned}</p>
            ) : (
              <>
                {hasRounds && <Waits view={view} />}
                <StageGraph stages={view.stages} />
                {hasRounds ? (
                  <>
                    <Grid view={view} names={session.federation.sites} />
                    <Curves view={view} isWanted={rounds.isWhole} />
                    <Events view={view} />
                  </>
                ) : (
                  <Loading />
                )}
              </>
            )}
          </div>
        )}
      </Resource>
    </>
  );
}
