import type { CampaignView } from '../../api/campaign.ts';
import { useTexts } from '../../text/language.ts';

/** What somebody must know who trusts the model. */
export function Notices({ view: { warnings, suspected } }: { readonly view: CampaignView }) {
  const { campaign: text } = useTexts();
  return (
    <>
      {warnings.length > 0 && <Notice title={text.warnings} lines={warnings} />}
      {suspected.length > 0 && (
        <Notice title={text.suspected} lines={suspected.map(({ site, pairs }) => text.suspectedSite(site, pairs))} />
      )}
    </>
  );
}

const Notice = ({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) => (
  <section class="caution">
    <h2>
      <span aria-hidden="true">⚠</span> {title}
    </h2>
    <ul>
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  </section>
);
