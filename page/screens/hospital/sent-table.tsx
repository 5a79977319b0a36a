import type { SentRow } from '../../api/hospital/sent.ts';
import { Badge } from '../../parts/badge.tsx';
import { type Formats, useFormats } from '../../parts/format.ts';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import type { Texts } from '../../text/en.ts';
import { useTexts } from '../../text/language.ts';

/** What functions send. GPU tasks alone record what they send in the site's bucket. */
const UNRECORDED: readonly SentRow['kind'][] = ['counts', 'consent', 'withdrawal', 'keys'];

/** Objects that left, one a row. */
export function SentTable(props: {
  readonly rows: readonly SentRow[];
  /** Whether the federation's storage was looked at. */
  readonly isCompared: boolean;
}) {
  const texts = useTexts();
  const formats = useFormats();
  return (
    <Table
      caption={texts.hospital.sent.title}
      columns={columnsOf(texts, formats, props.isCompared)}
      rows={props.rows}
      keyOf={({ key, sha256 }) => `${key} ${sha256}`}
    />
  );
}

/** Digits of a fingerprint that a cell shows; the rest is in its tooltip and in the CSV. */
const DIGITS = 12;

const columnsOf = (
  { hospital: { sent: text } }: Texts,
  formats: Formats,
  isCompared: boolean,
): readonly Column<SentRow>[] => [
  { title: text.when, cell: ({ at }) => <Time iso={at} full /> },
  {
    title: text.what,
    cell: ({ kind, key, isUnsure }) => (
      <>
        <span title={key}>{text.kinds[kind]}</span>
        {isUnsure && <Badge tone="waiting">{text.unsure}</Badge>}
      </>
    ),
  },
  { title: text.campaign, cell: ({ campaign = '–' }) => campaign },
  {
    title: text.where,
    cell: ({ stage, round }) => (stage === undefined || round === undefined ? '–' : text.round(stage, round)),
  },
  { title: text.size, isNumber: true, cell: ({ bytes }) => <span class="whole">{formats.bytes(bytes)}</span> },
  {
    title: text.hash,
    cell: ({ sha256 }) =>
      sha256 === undefined ? (
        <span class="quiet">{text.noHash}</span>
      ) : (
        <code class="whole" title={sha256}>
          {sha256.slice(0, DIGITS)}…
        </code>
      ),
  },
  {
    title: text.known,
    cell: ({ known, kind }) => (
      <>
        <span class="quiet">{formats.list(known.map((source) => text.sources[source]))}</span>
        {isCompared && !UNRECORDED.includes(kind) && known.length === 1 && known[0] === 'bucket' && (
          <Badge tone="waiting">{text.unrecorded}</Badge>
        )}
      </>
    ),
  },
];
