import type { CampaignView } from '../../api/campaign.ts';
import { useTexts } from '../../text/language.ts';

/** What somebody must know who trusts the model. */
export function Notices({ view }: { readonly view: CampaignView }) {
  const { warnings, suspected, withdrawn, consents, endedAt } = view;
  const { campaign: text } = useTexts();
  const sitesOf = (...states: readonly string[]) =>
    consents.flatMap(({ site, state }) => (states.includes(state) ? [site] : []));
  const asked = endedAt === undefined ? sitesOf('asked') : [];
  const refusing = sitesOf('declined', 'withdrawn', 'ended');
  return (
    <>
      {warnings.length > 0 && <Notice title={text.warnings} lines={warnings} />}
      {asked.length > 0 && <Notice title={text.asked} lines={asked} />}
      {refusing.length > 0 && <Notice title={text.refusing} lines={refusing} />}
      {withdrawn.length > 0 && (
        <Notice
          title={text.withdrawn}
          lines={withdrawn.map(({ stage, round, cases }) => text.withdrawnCases(stage, round, cases))}
        />
      )}
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
