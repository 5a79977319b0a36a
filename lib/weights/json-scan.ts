/**
 * The deepest nesting of a JSON text: 1 for `{}`. Linear and without recursion, so that a hostile text is measured
 * before it is parsed. For a text that is not JSON the number means nothing.
 */
export function nestingOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') at = closingQuote(json, at);
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}

/**
 * The first key that occurs twice in an object of a JSON text, or undefined. `JSON.parse` silently keeps the last one,
 * so that two readers of one file could see different tensors. The text must be valid JSON. Linear, without recursion.
 */
export function duplicateKey(json: string): string | undefined {
  /** Keys of each open object; undefined for an open array. */
  const open: (Set<string> | undefined)[] = [];
  let expectsKey = false;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') {
      const end = closingQuote(json, at);
      const keys = expectsKey ? open.at(-1) : undefined;
      if (keys) {
        const key: string = JSON.parse(json.slice(at, end + 1));
        if (keys.has(key)) return key;
        keys.add(key);
      }
      expectsKey = false;
      at = end;
    } else if (char === '{') {
      open.push(new Set());
      expectsKey = true;
    } else if (char === '[') {
      open.push(undefined);
      expectsKey = false;
    } else if (char === '}' || char === ']') {
      open.pop();
      expectsKey = false;
    } else if (char === ',') expectsKey = open.at(-1) !== undefined;
  }
  return undefined;
}

/** Index of the quote that ends the string that starts at `start`; the text's length if there is none. */
function closingQuote(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at;
}
