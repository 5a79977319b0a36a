import { useState } from 'preact/hooks';
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
        {({ campaigns }) =>
          campaigns.length === 0 ? (
            <Empty title={text.empty}>
              <p>{text.emptyHint}</p>
            </Empty>
          ) : (
            campaigns.map((campaign) => (
              <AskedCampaignCard key={campaign.campaign} campaign={campaign} onChanged={state.reload} />
            ))
          )
        }
      </Resource>
      <LookUp />
    </>
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
