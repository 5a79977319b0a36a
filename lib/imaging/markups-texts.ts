/** A text of a markups file, and the name of its field, such as `description`. */
export interface MarkupsText {
  readonly field: string;
  readonly text: string;
}

/**
 * All texts of a 3D Slicer markups file, at any depth: descriptions, names of lists and points, ids of nodes. People write
 * notes there, which are stored with the file.
 *
 * @returns none if it is not JSON
 */
export function markupsTexts(json: string): readonly MarkupsText[] {
  const found: MarkupsText[] = [];
  const open: (readonly [field: string, value: unknown])[] = [['', parse(json)]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [field, value] = next;
    if (typeof value === 'string') found.push({ field, text: value });
    else if (Array.isArray(value)) for (const one of value) open.push([field, one]);
    else if (typeof value === 'object' && value !== null) for (const entry of Object.entries(value)) open.push(entry);
  }
  return found;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}
