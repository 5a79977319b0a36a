/**
 * The outline of a mask as an SVG path along the edges of its pixels.
 *
 * @param mask row by row; values other than 0 are inside
 * @returns the path's `d`, in pixels; empty for an empty mask
 */
export function outlinePath(mask: Uint8Array, width: number, height: number): string {
  const inside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && (mask[x + width * y] as number) !== 0;
  const path: string[] = [];
  // Consecutive edges on one grid line become one stroke, which keeps the path short.
  for (let y = 0; y <= height; y++) {
    for (const [from, to] of runs(width, (x) => inside(x, y - 1) !== inside(x, y))) path.push(`M${from},${y}H${to}`);
  }
  for (let x = 0; x <= width; x++) {
    for (const [from, to] of runs(height, (y) => inside(x - 1, y) !== inside(x, y))) path.push(`M${x},${from}V${to}`);
  }
  return path.join('');
}

function runs(length: number, test: (index: number) => boolean): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (let index = 0; index < length; index++) {
    if (!test(index)) continue;
    const last = found.at(-1);
    if (last && last[1] === index) last[1] = index + 1;
    else found.push([index, index + 1]);
  }
  return found;
}
