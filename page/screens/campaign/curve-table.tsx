import type { Curves } from '../../api/campaign.ts';
import { useFormats } from '../../parts/format.ts';
import type { Line } from '../../parts/line.ts';
import { type Column, Table } from '../../parts/table.tsx';
import { useTexts } from '../../text/language.ts';

interface Row {
  readonly line: Line;
  readonly cases: string;
}

/** Most lines whose values are shown at first. */
const OPEN = 10;

/** The lines of the chart with their values, and how many cases stand behind each: the support. */
export function CurveTable({ curves, lines }: { readonly curves: Curves; readonly lines: readonly Line[] }) {
  const { campaign: text, campaigns } = useTexts();
  const { number } = useFormats();
  const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
  const shown = (value: number | undefined) => (value === undefined ? campaigns.nothing : number(value));
  const support = curves.support.at(-1);
  const all = support ? text.casesAndSites(support.cases, support.sites) : campaigns.nothing;
  const supports = new Map(curves.sites.map(({ site, cases }) => [site, known(cases).at(-1)]));
  const siteLines = lines.length - curves.sites.length;
  const rows = lines.map((line, index): Row => {
    const cases = index < siteLines ? undefined : supports.get(line.label);
    return { line, cases: index < siteLines ? all : shown(cases) };
  });
  const columns: readonly Column<Row>[] = [
    {
      title: text.line,
      cell: ({ line }) => (
        <>
          <Sample line={line} /> {line.label}
        </>
      ),
    },
    { title: text.cases, isNumber: true, cell: ({ cases }) => cases },
    { title: text.firstLoss, isNumber: true, cell: ({ line }) => shown(known(line.values)[0]) },
    { title: text.lastLoss, isNumber: true, cell: ({ line }) => shown(known(line.values).at(-1)) },
  ];
  return (
    <details open={rows.length <= OPEN}>
      <summary>{text.values(rows.length)}</summary>
      <Table caption={text.chart(curves.stage)} columns={columns} rows={rows} keyOf={({ line }) => line.label} />
    </details>
  );
}

/** How the line looks in the chart. */
const Sample = ({ line }: { readonly line: Line }) => (
  <svg class="sample" width="36" height="8" aria-hidden="true">
    <line
      x1="0"
      x2="36"
      y1="4"
      y2="4"
      style={{
        stroke: `var(${line.colour})`,
        strokeWidth: line.width,
        strokeDasharray: line.dash?.join(' ') || 'none',
      }}
    />
  </svg>
);
