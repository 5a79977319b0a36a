import { printable } from '../../lib/printable.ts';
import { csv } from '../../lib/report/csv-text.ts';
import { counted } from '../../lib/report/format.ts';
import { html, verbatim } from '../../lib/report/markup.ts';
import { minute } from '../campaign/times.ts';
import { table } from '../table.ts';
import type { CaseState } from './case-states.ts';
import type { CheckedCase } from './checked-case.ts';

/** A line of the result of an upload: a case, or a file of it that was refused. */
export interface VerdictRow {
  readonly case: string;
  readonly verdict: CaseState['verdict'] | 'not uploaded';
  readonly file: string;
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}

const EMPTY = { file: '', code: '', reason: '', hint: '' } as const;

/** A row for each case, and for each of its refused files. */
export const verdictRows = (cases: readonly CaseState[], refused: readonly CheckedCase[]): readonly VerdictRow[] => [
  ...cases.flatMap(({ case: id, verdict: stored, files }): readonly VerdictRow[] => {
    const lacks = stored === 'accepted' && refused.some((one) => one.case === id);
    const verdict = lacks ? 'partly accepted' : stored;
    const faults = files.filter(({ state }) => state === 'rejected');
    const rows = faults.map(({ key, code = '', reason = '', hint = '' }) => ({ file: key, code, reason, hint }));
    return (rows.length > 0 ? rows : [EMPTY]).map((row) => ({ case: id, verdict, ...row }));
  }),
  ...refused.flatMap(({ case: id, faults }) =>
    faults.map((fault): VerdictRow => ({ case: id, verdict: 'not uploaded', ...fault })),
  ),
];

const COLUMNS = ['case', 'verdict', 'file', 'code', 'reason', 'hint'] as const;
/** Most cases that a table on a terminal lists. */
const LISTED = 40;

/** The rows as a table if there are few cases, the refused files, and the counts in a sentence. */
export function verdictText(rows: readonly VerdictRow[]): string {
  const verdicts = [...verdictsOf(rows)];
  const listed =
    verdicts.length <= LISTED
      ? table(
          ['case', 'verdict'],
          verdicts.map(([id, verdict]) => [printable(id), verdict]),
        )
      : [];
  const faults = rows.filter(({ reason }) => reason !== '');
  return [
    ...listed,
    ...(listed.length > 0 ? [''] : []),
    ...faults.map(({ verdict, file, reason, hint }) => printable(`${verdict}  ${file}: ${reason} ${hint}`.trimEnd())),
    ...(faults.length > 0 ? [''] : []),
    verdictSentence(rows),
  ].join('\n');
}

/** The verdict of each case. Of a case that is stored it comes before what was not uploaded of it. */
function verdictsOf(rows: readonly VerdictRow[]): ReadonlyMap<string, VerdictRow['verdict']> {
  const verdicts = new Map<string, VerdictRow['verdict']>();
  for (const row of rows) if (!verdicts.has(row.case)) verdicts.set(row.case, row.verdict);
  return verdicts;
}

const VERDICTS = ['accepted', 'partly accepted', 'rejected', 'not uploaded', 'waiting', 'pending'] as const;

/** "12 of 14 cases are accepted, 1 rejected, 1 pending." */
export function verdictSentence(rows: readonly VerdictRow[]): string {
  const ids = verdictsOf(rows);
  const count = (verdict: VerdictRow['verdict']) => [...ids.values()].filter((one) => one === verdict).length;
  const [, , ...others] = VERDICTS;
  const parts = others.flatMap((verdict) => (count(verdict) > 0 ? [`${count(verdict)} ${verdict}`] : []));
  const partly = count('partly accepted');
  const without = partly > 0 ? ` (${partly} without some of their files)` : '';
  const accepted = count('accepted') + partly;
  const verb = ids.size === 1 ? 'is' : 'are';
  return `${[`${accepted} of ${counted(ids.size, 'case')} ${verb} accepted${without}`, ...parts].join(', ')}.`;
}

export const verdictCsv = (rows: readonly VerdictRow[]): string =>
  csv([COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))]);

/** On a narrow screen a row is a block. Roles are spelled out, because a table that is displayed as blocks loses its own. */
const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem;overflow-wrap:anywhere}table{border-collapse:collapse}
th,td{border-bottom:1px solid #ccc;padding:.3rem .8rem;text-align:left;vertical-align:top}th{overflow-wrap:normal}
@media(max-width:52rem){body{margin:1rem}table,tbody,tr,td{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{border-bottom:1px solid #ccc;padding:.5rem 0}td{border:0;padding:.1rem 0}td:empty{display:none}
td::before{content:attr(data-title)": ";color:#595959}}`;

const headOf = (column: string) => html`<th role="columnheader">${column}</th>`;
const lineOf = (row: VerdictRow) =>
  html`<tr role="row">${COLUMNS.map((column) => html`<td role="cell" data-title="${column}">${row[column]}</td>`)}</tr>\n`;

/** One page without scripts, for people who were not there. */
export const verdictHtml = (site: string, at: string, rows: readonly VerdictRow[]): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Upload to ${site}</title>
<style>${verbatim(STYLE)}</style></head>
<body><main><h1>Upload to ${site}</h1><p>${minute(at)}. ${verdictSentence(rows)}</p>
<table role="table"><thead role="rowgroup"><tr role="row">${COLUMNS.map(headOf)}</tr></thead>
<tbody role="rowgroup">
${rows.map(lineOf)}
</tbody></table></main></body></html>
`.markup;
