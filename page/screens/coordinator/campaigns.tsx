import type { ListedCampaign } from '../../api/campaigns.ts';
import { linkTo } from '../../link.ts';
import { type Formats, useFormats } from '../../parts/format.ts';
import { PhaseBadge } from '../../parts/phase.tsx';
import { Progress } from '../../parts/progress.tsx';
import { Empty, Resource } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useResourceInParts } from '../../parts/use-resource.ts';
import type { Texts } from '../../text/en.ts';
import { useTexts } from '../../text/language.ts';

const PARTS = { part: { part: 'overview' }, whole: { part: 'all' } } as const;

/** All campaigns of the federation, the newest first. */
export function Screen() {
  const text = useTexts();
  const formats = useFormats();
  // Whom a campaign waits for takes a request for each site: what needs none is shown meanwhile.
  const state = useResourceInParts('campaigns', {}, PARTS);
  return (
    <>
      <h1>{text.campaigns.title}</h1>
      <Resource<'campaigns'> state={state}>
        {({ campaigns, noCost }) =>
          campaigns.length === 0 ? (
            <Empty title={text.campaigns.empty}>
              <p>{text.campaigns.emptyHint}</p>
              <pre>npx fedcardio campaign start campaign.json</pre>
            </Empty>
          ) : (
            <>
              <Table
                caption={text.campaigns.title}
                columns={columnsOf(text, formats)}
                rows={[...campaigns].sort(newestFirst)}
                keyOf={({ campaign }) => campaign}
              />
              <p class="quiet">{noCost ?? text.campaigns.costNote}</p>
            </>
          )
        }
      </Resource>
    </>
  );
}

const newestFirst = (a: ListedCampaign, b: ListedCampaign): number =>
  (b.uploadedAt ?? '').localeCompare(a.uploadedAt ?? '') || a.campaign.localeCompare(b.campaign);

const columnsOf = (text: Texts, formats: Formats): readonly Column<ListedCampaign>[] => [
  {
    title: text.campaigns.campaign,
    cell: ({ campaign }) => <a href={linkTo('campaigns/{campaign}', { campaign })}>{campaign}</a>,
  },
  {
    title: text.campaigns.state,
    cell: ({ phase, reason }) => (
      <>
        <PhaseBadge phase={phase} />
        {reason !== undefined && <span class="reason">{reason}</span>}
      </>
    ),
  },
  {
    title: text.campaigns.stage,
    cell: ({ running, endedAt }) =>
      running.length === 0 || endedAt !== undefined
        ? text.campaigns.nothing
        : running.map(({ stage, round, rounds }) => (
            <span class="line" key={stage}>
              {text.campaigns.roundOf(stage, round, rounds)}
            </span>
          )),
  },
  {
    title: text.campaigns.progress,
    cell: ({ rounds: { done, total } }) =>
      total === 0 ? (
        text.campaigns.nothing
      ) : (
        <Progress done={done} total={total} label={text.campaigns.rounds(done, total)} />
      ),
  },
  {
    title: text.campaigns.waits,
    cell: ({ waiting, endedAt }) =>
      waiting === undefined && endedAt === undefined
        ? text.campaigns.unread
        : (waiting ?? []).length === 0
          ? text.campaigns.nothing
          : waiting?.map(({ stage, sites, until }) => (
              <span class="line" key={stage}>
                {sites.length === 0
                  ? text.campaigns.closing
                  : text.campaigns.waitsFor(listed(sites, text, formats), formats.instant(until))}
              </span>
            )),
  },
  {
    title: text.campaigns.started,
    cell: ({ uploadedAt, endedAt }) => (
      <>
        {uploadedAt === undefined ? text.campaigns.nothing : <Time iso={uploadedAt} full />}
        {endedAt !== undefined && <span class="quiet line">{text.campaigns.ended(formats.instant(endedAt))}</span>}
      </>
    ),
  },
  {
    title: text.campaigns.cost,
    isNumber: true,
    note: text.campaigns.costNote,
    cell: ({ cost }) =>
      cost === undefined ? (
        text.campaigns.nothing
      ) : (
        <>
          {formats.usd(cost.usd)} <span class="quiet line">{text.campaigns.ofTotal(formats.usd(cost.usdTotal))}</span>
        </>
      ),
  },
];

/** Sites that a cell names. */
const NAMED = 4;

const listed = (sites: readonly string[], text: Texts, { list }: Formats): string =>
  list(sites.length <= NAMED ? sites : [...sites.slice(0, NAMED), text.campaigns.moreSites(sites.length - NAMED)]);
