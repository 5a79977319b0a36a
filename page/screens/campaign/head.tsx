import { linkTo } from '../../link.ts';
import { useTexts } from '../../text/language.ts';

const VIEWS = {
  overview: 'campaigns/{campaign}',
  results: 'campaigns/{campaign}/results',
  chain: 'campaigns/{campaign}/chain',
} as const;
type View = keyof typeof VIEWS;

/** The name of a campaign, and the way to its views. */
export function CampaignHead({ campaign, view }: { readonly campaign: string; readonly view: View }) {
  const { campaign: text } = useTexts();
  return (
    <>
      <p class="way">
        <a href={linkTo('campaigns')}>
          <span aria-hidden="true">‹</span> {text.back}
        </a>
      </p>
      <h1>{campaign}</h1>
      <nav class="tabs" aria-label={text.tabs}>
        <ul>
          {(Object.keys(VIEWS) as View[]).map((one) => (
            <li key={one}>
              <a href={linkTo(VIEWS[one], { campaign })} aria-current={one === view ? 'page' : undefined}>
                {text[one]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
}
