import type { CaseRow, Cases } from '../../api/hospital/cases.ts';
import type { LabelState, Verdict } from '../../api/hospital/names.ts';
import { linkTo } from '../../link.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { titleText } from '../../parts/titles.ts';
import type { Texts } from '../../text/en.ts';
import { useTexts } from '../../text/language.ts';
import { Faults } from './faults.tsx';

export const TONES: Readonly<Record<Verdict, Tone>> = {
  accepted: 'good',
  'partly accepted': 'waiting',
  rejected: 'bad',
  waiting: 'waiting',
  pending: 'active',
  unread: 'neutral',
};

export const LABEL_TONES: Readonly<Record<LabelState, Tone>> = {
  teaches: 'good',
  incomplete: 'waiting',
  scored: 'active',
  rejected: 'bad',
  waiting: 'waiting',
  pending: 'neutral',
};

/** A page of cases, each with its state, its labels and what to do. */
export function CaseTable({ cases, tasks }: { readonly cases: readonly CaseRow[]; readonly tasks: Cases['labels'] }) {
  const texts = useTexts();
  return (
    <Table
      caption={texts.hospital.cases.title}
      columns={columnsOf(
        texts,
        new Map(tasks.map(({ task, title }) => [task, titleText(title, texts.measured)])),
        cases.some(({ faults }) => faults.length > 0),
      )}
      rows={cases}
      keyOf={(row) => row.case}
    />
  );
}

function columnsOf(
  { hospital: { cases: text } }: Texts,
  titles: ReadonlyMap<string, string>,
  hasFaults: boolean,
): readonly Column<CaseRow>[] {
  return [
    {
      title: text.case,
      cell: (row) => <a href={linkTo('cases/{case}', { case: row.case })}>{row.case}</a>,
    },
    { title: text.state, cell: ({ verdict }) => <Badge tone={TONES[verdict]}>{text.verdicts[verdict]}</Badge> },
    { title: text.use, cell: ({ use }) => <span class="whole">{text.uses[use]}</span> },
    {
      title: text.labels,
      cell: ({ labels }) =>
        labels.length === 0 ? (
          <span class="quiet">{text.noLabels}</span>
        ) : (
          <ul class="labels">
            {labels.map(({ task, state }) => (
              <li key={task}>
                {titles.get(task) ?? task} <Badge tone={LABEL_TONES[state]}>{text.labelStates[state]}</Badge>
              </li>
            ))}
          </ul>
        ),
    },
    ...(hasFaults
      ? [{ title: text.reason, cell: ({ faults }: CaseRow) => faults.length > 0 && <Faults faults={faults} /> }]
      : []),
    { title: text.accepted, cell: ({ at }) => at !== undefined && <Time iso={at} full /> },
  ];
}
