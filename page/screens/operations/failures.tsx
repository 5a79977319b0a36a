import type { Failure } from '../../api/operations.ts';
import { linkTo } from '../../link.ts';
import { Badge } from '../../parts/badge.tsx';
import { type Formats, useFormats } from '../../parts/format.ts';
import { Resource } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useResource } from '../../parts/use-resource.ts';
import type { Texts } from '../../text/en.ts';
import { useTexts } from '../../text/language.ts';

const EVERY = 30_000;

/** What failed at the sites, and why. */
export function Failures() {
  const texts = useTexts();
  const { operations: text } = texts;
  const formats: Formats = useFormats();
  const state = useResource('failures', {}, { every: EVERY });
  return (
    <section aria-labelledby="failures">
      <h2 id="failures">{text.failures}</h2>
      <Resource state={state}>
        {({ campaigns, failures, more }) => (
          <>
            <p class="quiet">
              {campaigns.length === 0 ? text.noCampaigns : text.failuresOf(formats.list(campaigns))}{' '}
              {campaigns.length > 0 && failures.length === 0 && text.noFailures}
            </p>
            {failures.length > 0 && (
              <Table caption={text.failures} columns={columnsOf(texts)} rows={failures} keyOf={keyOf} />
            )}
            {more > 0 && <p class="quiet">{text.moreFailures(more)}</p>}
          </>
        )}
      </Resource>
    </section>
  );
}

const keyOf = ({ campaign, stage, round, site }: Failure): string => `${campaign}/${stage}/${round}/${site}`;

const columnsOf = ({ operations: text, campaign: words, cells }: Texts): readonly Column<Failure>[] => [
  { title: text.site, cell: ({ site }) => site },
  {
    title: text.where,
    cell: ({ campaign, stage, round }) => (
      <>
        <a href={linkTo('campaigns/{campaign}', { campaign })}>{campaign}</a>{' '}
        <span class="line">{words.stageRound(stage, round)}</span>
      </>
    ),
  },
  {
    title: text.state,
    cell: ({ state }) => <Badge tone={state === 'no data' ? 'neutral' : 'bad'}>{cells[state]}</Badge>,
  },
  { title: text.reason, cell: ({ reason }) => <span>{reason}</span> },
  { title: text.opened, cell: ({ openedAt }) => <Time iso={openedAt} full /> },
];
