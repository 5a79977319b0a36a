import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Pager } from './pager.tsx';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand right, with digits of one width. */
  readonly isNumber?: boolean;
  /** Explains the column, as a tooltip. */
  readonly note?: string;
}

/** Rows that are in the document at once. */
const ROWS = 100;

/** A table that becomes one card for each row on a narrow screen, in pages if it is long. The first column names the row. */
export function Table<Row>(props: {
  /** What the table lists, for screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}) {
  const { caption, columns, rows, keyOf } = props;
  const [asked, setAsked] = useState(1);
  const pages = Math.max(1, Math.ceil(rows.length / ROWS));
  const page = Math.min(asked, pages);
  const table = (
    // Roles are spelled out, because a table that is displayed as blocks loses its own.
    <table class="cards" role="table">
      <caption class="hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ title, isNumber, note }) => (
            <th key={title} scope="col" role="columnheader" class={isNumber ? 'number' : undefined} title={note}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.slice((page - 1) * ROWS, page * ROWS).map((row) => (
          <tr key={keyOf(row)} role="row">
            {columns.map(({ title, cell, isNumber }, index) =>
              index === 0 ? (
                <th key={title} scope="row" role="rowheader">
                  {cell(row)}
                </th>
              ) : (
                <td key={title} role="cell" data-title={title} class={isNumber ? 'number' : undefined}>
                  {cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
  if (pages === 1) return table;
  return (
    <>
      {table}
      <Pager page={page} pages={pages} onPage={setAsked} />
    </>
  );
}
