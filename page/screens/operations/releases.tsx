import type { SiteRelease } from '../../api/operations.ts';
import { Badge } from '../../parts/badge.tsx';
import { Resource } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';

const EVERY = 60_000;

/** The release that each site runs. */
export function Releases() {
  const { operations: text } = useTexts();
  const state = useResource('releases', {}, { every: EVERY });
  return (
    <section aria-labelledby="releases">
      <h2 id="releases">{text.releases}</h2>
      <Resource state={state}>
        {({ own, sites }) => (
          <>
            <p class="quiet">{text.own(own)}</p>
            <Table caption={text.releases} columns={columnsOf(text, own)} rows={sites} keyOf={({ site }) => site} />
          </>
        )}
      </Resource>
    </section>
  );
}

const columnsOf = (text: ReturnType<typeof useTexts>['operations'], own: string): readonly Column<SiteRelease>[] => [
  { title: text.site, cell: ({ name }) => name },
  {
    title: text.release,
    cell: ({ release, at, problem }) => {
      if (problem !== undefined) return <span class="reason">{problem}</span>;
      if (at === undefined) return text.never;
      if (release === undefined) return text.unknown;
      return (
        <>
          {release}{' '}
          <Badge tone={release === own ? 'good' : 'waiting'}>{release === own ? text.same : text.differs}</Badge>
        </>
      );
    },
  },
  { title: text.counted, cell: ({ at }) => (at === undefined ? '–' : <Time iso={at} />) },
];
