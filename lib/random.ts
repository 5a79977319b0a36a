/** Uniform numbers in [0, 1). All randomness in fedcardio comes from such a function, made from an explicit seed. */
export type Random = () => number;

/** A generator seeded by all its parts. The same parts give the same sequence on every machine. */
export const seededRandom = (...parts: readonly (string | number)[]): Random => sfc32(...hash128(parts.join('\u0000')));

export const uniform = (random: Random, low: number, high: number): number => low + (high - low) * random();

/** Standard normal deviate (Box and Muller 1958). */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

export const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** sfc32 by Chris Doty-Humphrey: 128 bits of state, integer operations only. */
function sfc32(a: number, b: number, c: number, d: number): Random {
  const next = () => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** Four FNV-1a hashes with different seeds. */
function hash128(text: string): [number, number, number, number] {
  const hash = (seed: number) => {
    let h = 2166136261 ^ seed;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
    return h;
  };
  return [hash(0), hash(0x9e3779b9), hash(0x85ebca6b), hash(0xc2b2ae35)];
}
