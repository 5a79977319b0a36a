import type { Forecast as Estimate } from '../../api/operations.ts';
import { useFormats } from '../../parts/format.ts';
import { PhaseBadge } from '../../parts/phase.tsx';
import { Resource } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';

const EVERY = 60_000;

/** What a month costs, and the campaigns that run. */
export function Forecast() {
  const { operations: text } = useTexts();
  const state = useResource('forecast', {}, { every: EVERY });
  return (
    <section aria-labelledby="forecast">
      <h2 id="forecast">{text.forecast}</h2>
      <Resource state={state}>
        {({ noCost, estimate }) => (estimate ? <Lines estimate={estimate} /> : <p class="quiet">{noCost}</p>)}
      </Resource>
    </section>
  );
}

function Lines({ estimate }: { readonly estimate: Estimate }) {
  const { operations: text, campaigns: words } = useTexts();
  const { usd, number } = useFormats();
  const { region, asOf, casesPerSite, caseMegabytes, idle, campaigns } = estimate;
  return (
    <>
      <p class="quiet">{text.forecastNote(region, asOf, casesPerSite, caseMegabytes)}</p>
      <h3>{text.running}</h3>
      {campaigns.length === 0 ? (
        <p class="quiet">{text.noRunning}</p>
      ) : (
        <Table
          caption={text.running}
          columns={[
            { title: words.campaign, cell: ({ campaign }) => campaign },
            { title: words.state, cell: ({ phase }) => <PhaseBadge phase={phase} /> },
            { title: text.soFar, isNumber: true, cell: (row) => usd(row.usd) },
            { title: text.total, isNumber: true, cell: (row) => usd(row.usdTotal) },
          ]}
          rows={campaigns}
          keyOf={({ campaign }) => campaign}
        />
      )}
      <h3>
        {text.idleMonth}: {usd(idle.usd)}
      </h3>
      <details>
        <summary>{text.lines}</summary>
        <Table
          caption={text.idleMonth}
          columns={[
            { title: text.item, cell: ({ what }) => what },
            { title: text.quantity, isNumber: true, cell: ({ quantity, unit }) => `${number(quantity)} ${unit}` },
            { title: text.usd, isNumber: true, cell: (row) => usd(row.usd) },
          ]}
          rows={idle.lines}
          keyOf={({ what }) => what}
        />
      </details>
    </>
  );
}
