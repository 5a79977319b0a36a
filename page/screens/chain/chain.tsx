import { useMemo, useState } from 'preact/hooks';
import type { Chain } from '../../api/chain.ts';
import { Empty, Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import type { ScreenProps } from '../../screen.ts';
import { useTexts } from '../../text/language.ts';
import { CampaignHead } from '../campaign/head.tsx';
import './chain.css';
import { DocumentDialog } from './document-dialog.tsx';
import { checkChain, keysOf } from './links.ts';
import { Rounds } from './rounds.tsx';
import { useChainDocuments } from './use-chain.ts';
import { Verdict } from './verdict.tsx';

/** The chain of a campaign, verified in the browser. */
export function Screen({ params }: ScreenProps) {
  const campaign = params.campaign as string;
  const { chain: text } = useTexts();
  const state = useResource('chain', { campaign }, { every: 30_000 });
  return (
    <>
      <CampaignHead campaign={campaign} view="chain" />
      <p class="quiet">{text.intro}</p>
      <Resource state={state}>
        {(chain) =>
          chain.plan === undefined ? <Empty title={text.noDocuments} /> : <Verified campaign={campaign} chain={chain} />
        }
      </Resource>
    </>
  );
}

function Verified(props: { readonly campaign: string; readonly chain: Chain }) {
  const { campaign, chain } = props;
  const { chain: text } = useTexts();
  const [attempt, setAttempt] = useState(0);
  const [shown, setShown] = useState<string>();
  const documents = useChainDocuments(campaign, chain, attempt);
  const checked = useMemo(() => checkChain(chain, documents), [chain, documents]);
  const keys = keysOf(chain);
  return (
    <>
      <Verdict checked={checked} documents={documents} keys={keys} onAgain={() => setAttempt(attempt + 1)} />
      <p class="quiet">{text.notChecked}</p>
      <pre>{chain.verify}</pre>
      <Rounds chain={chain} documents={documents} checked={checked} onShow={setShown} />
      {shown !== undefined && (
        <DocumentDialog campaign={campaign} first={shown} documents={documents} onClose={() => setShown(undefined)} />
      )}
    </>
  );
}
