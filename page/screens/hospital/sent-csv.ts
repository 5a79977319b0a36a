import { csv } from '../../../lib/report/csv-text.ts';
import type { SentRow } from '../../api/hospital/sent.ts';

const COLUMNS = ['at', 'campaign', 'stage', 'round', 'kind', 'key', 'bytes', 'sha256', 'known_from', 'unsure'];

/** The rows for a spreadsheet, times in UTC. */
export const sentCsv = (rows: readonly SentRow[]): string =>
  csv([
    COLUMNS,
    ...rows.map(({ at, campaign, stage, round, kind, key, bytes, sha256, known, isUnsure }) => [
      ...[at, campaign, stage, round, kind, key, bytes, sha256],
      known.join(' '),
      isUnsure ? 'yes' : 'no',
    ]),
  ]);
