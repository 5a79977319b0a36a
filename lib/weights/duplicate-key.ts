/**
 * The first key that any object in a JSON text has twice, or undefined. `JSON.parse` keeps the last of them
 * silently, so that two readers of one file could see different tensors. The text must be valid JSON.
 */
export function duplicateKey(json: string): string | undefined {
  /** Keys seen in each open object; undefined for an open array. */
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
