import { useFormats } from '../../parts/format.ts';
import { type Column, Table } from '../../parts/table.tsx';
import { useTexts } from '../../text/language.ts';
import { type Measure, type Row, tally, type Verdict } from './measures.ts';

/** Each verdict by a mark, a word and a colour. Better and worse have the same weight. */
const MARKS: Readonly<Record<Verdict, string>> = { better: '▲', worse: '▼', equal: '=', unknown: '–' };
const SHOWN: readonly Verdict[] = ['better', 'worse', 'equal', 'unknown'];

/** How many figures are better, worse, equal, or cannot be compared. */
export function Tally({ rows, isShort = false }: { readonly rows: readonly Row[]; readonly isShort?: boolean }) {
  const { results: text } = useTexts();
  const counts = tally(rows);
  return (
    <span class={isShort ? 'tally short' : 'tally'}>
      {SHOWN.filter((verdict) => counts[verdict] > 0 || verdict === 'better' || verdict === 'worse').map((verdict) => (
        <span key={verdict} class={`verdict verdict-${verdict}`}>
          <span aria-hidden="true">{MARKS[verdict]}</span> {text.tally[verdict](counts[verdict])}
        </span>
      ))}
    </span>
  );
}

/** Values of two models and their signed difference. */
export function DifferenceTable(props: {
  readonly caption: string;
  /** What the rows are. */
  readonly what: string;
  readonly rows: readonly Row[];
  readonly titles: readonly [string, string];
}) {
  const { caption, what, rows, titles } = props;
  const { results: text } = useTexts();
  const { fixed } = useFormats();
  const show = useMeasureFormat();
  const showDifference = (measure: Measure, by: number) =>
    measure.unit === 'share' ? text.sharePoints(fixed(by * 100, 1)) : show(measure, by);
  const columns: readonly Column<Row>[] = [
    { title: what, cell: ({ name, measure }) => (name === measure.id ? text.measures[measure.id] : name) },
    {
      title: titles[0],
      isNumber: true,
      cell: ({ measure, first, firstN }) => <Value text={show(measure, first)} n={firstN} />,
    },
    {
      title: titles[1],
      isNumber: true,
      cell: ({ measure, second, secondN }) => <Value text={show(measure, second)} n={secondN} />,
    },
    {
      title: text.difference,
      cell: ({ measure, difference: { verdict, by } }) => (
        <span class={`verdict verdict-${verdict}`}>
          <span aria-hidden="true">{MARKS[verdict]}</span> {text.verdicts[verdict]}
          {by !== null && by !== 0 && ` (${by > 0 ? '+' : '−'}${showDifference(measure, Math.abs(by))})`}
        </span>
      ),
    },
  ];
  return <Table caption={caption} columns={columns} rows={rows} keyOf={({ name }) => name} />;
}

/** A value with the number of points or cases behind it. */
function Value({ text, n }: { readonly text: string; readonly n: number }) {
  const { results } = useTexts();
  return (
    <>
      {text} <span class="quiet">{results.n(n)}</span>
    </>
  );
}

/** Values with the digits of their unit. An en dash for none. */
export function useMeasureFormat(): (measure: Pick<Measure, 'unit'>, value: number | null) => string {
  const { fixed } = useFormats();
  return ({ unit }, value) => {
    if (value === null) return '–';
    switch (unit) {
      case 'share':
        return `${fixed(value * 100, 1)} %`;
      case 'mm':
        return `${fixed(value, 1)} mm`;
      case 'dice':
        return fixed(value, 3);
      case 'ratio':
        return fixed(value, 2);
    }
  };
}
