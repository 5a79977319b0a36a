import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * One line of the map, which says whose a case is. It identifies patients and never leaves the site.
 */
const entrySchema = z.object({
  schema: z.literal('fedcardio.dicom-map/1'),
  /** The name of the series in messages. */
  series: z.string(),
  /** Null for a series that was refused. */
  case: z.string().nullable(),
  patientId: z.string(),
  studyUid: z.string(),
  seriesUid: z.string(),
  /** Folder of its files. */
  folder: z.string(),
  images: z.number(),
  /** Heart phase, per cent; null if the images name none. */
  phase: z.number().nullable(),
  /** SHA-256 of its files; null for a series that was refused. */
  content: z.string().nullable(),
  /** Hashes of id and place of each image of all phases; absent for a series that was refused. */
  slices: z.array(z.string()).optional(),
});
export type MapEntry = Omit<z.infer<typeof entrySchema>, 'schema'>;

const MAP_FILE = 'map.jsonl';

export interface SiteMap {
  /** The last entry of a case. */
  entryOf(caseId: string): MapEntry | undefined;
  /** Appends an entry, unless the map has the same one. */
  add(entry: MapEntry): void;
}

/** Opens the map of a site's pseudonyms: one JSON object for each line. Lines that a crash cut off are passed over. */
export function openMap(dir: string): SiteMap {
  const file = join(dir, MAP_FILE);
  const lines = new Set<string>();
  const byCase = new Map<string, MapEntry>();
  const remember = (line: string, entry: MapEntry) => {
    lines.add(line);
    if (entry.case !== null) byCase.set(entry.case, entry);
  };
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  let start = text === '' || text.endsWith('\n') ? '' : '\n';
  for (const line of text.split('\n')) {
    const entry = parsed(line);
    if (entry) remember(line, entry);
  }
  return {
    entryOf: (caseId) => byCase.get(caseId),
    add: (entry) => {
      const line = JSON.stringify({ schema: 'fedcardio.dicom-map/1', ...entry });
      if (lines.has(line) && (entry.case === null || byCase.get(entry.case)?.content === entry.content)) return;
      appendFileSync(file, `${start}${line}\n`, { mode: 0o600 });
      start = '';
      remember(line, entry);
    },
  };
}

function parsed(line: string): MapEntry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
