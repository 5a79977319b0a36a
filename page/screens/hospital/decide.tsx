import { useState } from 'preact/hooks';
import type { AskedCampaigns } from '../../api/hospital/decide.ts';
import { useFormats } from '../../parts/format.ts';
import { Empty, Failure, Loading, Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { AskedCampaignCard } from './asked-campaign.tsx';
import './hospital.css';

/** Plans never change; a campaign's state seldom does. */
const EVERY = 30_000;

/** The campaigns that ask this site, and what would leave it for each. */
export function Screen() {
  const { decide: text } = useTexts().hospital;
  const state = useResource('siteCampaigns', {}, { every: EVERY });
  return (
    <>
      <h1>{text.title}</h1>
      <p class="note">{text.intro}</p>
      <Resource state={state}>
        {({ campaigns, privacy }) => (
          <>
            {privacy && (privacy.releases > 0 || privacy.budget !== undefined) && <Budget privacy={privacy} />}
            {campaigns.length === 0 ? (
              <Empty title={text.empty}>
                <p>{text.emptyHint}</p>
              </Empty>
            ) : (
              campaigns.map((campaign) => (
                <AskedCampaignCard key={campaign.campaign} campaign={campaign} onChanged={state.reload} />
              ))
            )}
          </>
        )}
      </Resource>
      <LookUp />
    </>
  );
}

/** What all rounds with noise have revealed together, and what the site lets them reveal. */
function Budget({ privacy }: { readonly privacy: NonNullable<AskedCampaigns['privacy']> }) {
  const { decide: text } = useTexts().hospital;
  const { spent, budget, delta, releases } = privacy;
  const format = useFormats();
  const number = (value: number) => format.number(value, 3);
  return (
    <section class="panel">
      <h2>{text.budget}</h2>
      <p>{text.spent(number(spent), number(delta), releases)}</p>
      {budget === undefined ? (
        <p class="quiet">{text.noBudget}</p>
      ) : (
        <>
          <progress max={budget} value={Math.min(spent, budget)} aria-label={text.budget} />
          <p class="quiet">{text.ofBudget(number(budget), number(Math.max(0, budget - spent)))}</p>
        </>
      )}
    </section>
  );
}

function LookUp() {
  const { decide: text } = useTexts().hospital;
  const [asked, setAsked] = useState<string>();
  return (
    <section class="panel">
      <h2>{text.lookUp}</h2>
      <p class="quiet">{text.scope}</p>
      <form
        class="look-up"
        onSubmit={(event) => {
          event.preventDefault();
          const name = new FormData(event.currentTarget).get('campaign');
          setAsked(typeof name === 'string' ? name.trim() : undefined);
        }}
      >
        <label class="choice">
          <span>{text.lookUpHint}</span>
          <input name="campaign" maxLength={100} required />
        </label>
        <button type="submit">{text.show}</button>
      </form>
      {asked !== undefined && asked !== '' && <LookedUp key={asked} campaign={asked} />}
    </section>
  );
}

function LookedUp({ campaign }: { readonly campaign: string }) {
  const { data, error, reload } = useResource('siteCampaign', { campaign }, { every: 0 });
  if (!data) return error ? <Failure error={error} onRetry={reload} /> : <Loading />;
  return <AskedCampaignCard campaign={data} onChanged={reload} />;
}
