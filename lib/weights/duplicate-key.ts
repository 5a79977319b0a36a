/**
 * The first key that occurs twice in an object of a JSON text, or undefined. `JSON.parse` silently keeps the last one,
 * so that two readers of one file could see different tensors. The text must be valid JSON.
 */
export function duplicateKey(json: string): string | undefined {
  /** Keys of each open object; undefined for an open array. */
  const open: (Set<string> | undefined)[] = [];
  let expectsKey = false;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (expectsKey && token.startsWith('"')) {
      const key: string = JSON.parse(token);
      const keys = open.at(-1) as Set<string>;
      if (keys.has(key)) return key;
      keys.add(key);
    }
    expectsKey = token === '{' || (token === ',' && open.at(-1) !== undefined);
  }
  return undefined;
}
