import { performance } from 'node:perf_hooks';
import { resourceUsage } from 'node:process';
import fc from 'fast-check';

/** What is fuzzed: how inputs are made, and what must hold for every one of them. */
export interface Target {
  readonly inputs: fc.Arbitrary<Uint8Array>;
  /** Throws if the input breaks something. */
  readonly check: (input: Uint8Array) => void | Promise<void>;
  readonly close?: () => Promise<void>;
}

/** An input that breaks something. */
export interface Finding {
  /** The input's number: `npm run fuzz -- TARGET --replay NUMBER` makes the input again. Absent for a file. */
  readonly number?: number;
  /** The smallest input that was found. */
  readonly input: Uint8Array;
  readonly reason: string;
}

/** Longest time for one input, ms. The largest inputs need a few milliseconds. */
const MAX_MS = 2000;
/** A slow machine is no finding: an input counts as slow if it is slow each time. */
const ATTEMPTS = 3;
/** Most that the process's peak memory may grow by one input, KiB. */
const MAX_GROWTH_KIB = 256 * 1024;

/**
 * Tries the inputs of the numbers `seed` to `seed + runs - 1`, and reports each kind of finding once. An input depends on
 * its number alone.
 */
export async function fuzz(
  target: Target,
  { seed, runs, onRun }: { readonly seed: number; readonly runs: number; readonly onRun?: (done: number) => void },
): Promise<readonly Finding[]> {
  const findings = new Map<string, Finding>();
  for (let done = 0; done < runs; done++) {
    const finding = await tryNumber(target, seed + done);
    const kind = finding && kindOf(finding.reason);
    if (finding && kind !== undefined && !findings.has(kind)) findings.set(kind, finding);
    onRun?.(done + 1);
  }
  return [...findings.values()];
}

/** Tries the input of a number. fast-check makes a failing one smaller. */
export async function tryNumber(target: Target, number: number): Promise<Finding | undefined> {
  const property = fc.asyncProperty(target.inputs, (input) => checkInput(target, input));
  const result = await fc.check(property, { seed: mixed(number), numRuns: 1 });
  if (!result.failed) return undefined;
  return { number, input: result.counterexample?.[0] as Uint8Array, reason: reasonOf(result.errorInstance) };
}

/** Tries one given input. */
export async function tryInput(target: Target, input: Uint8Array): Promise<Finding | undefined> {
  try {
    await checkInput(target, input);
    return undefined;
  } catch (error) {
    return { input, reason: reasonOf(error) };
  }
}

/** Checks an input, and that it costs neither much time nor much memory. */
async function checkInput({ check }: Target, input: Uint8Array): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && least > MAX_MS; attempt++) {
    const start = performance.now();
    await check(input);
    least = Math.min(least, performance.now() - start);
    if (least < SHORT_MS && ++unmeasured < MEASURE_AFTER) continue;
    const growth = measureGrowth();
    if (growth > MAX_GROWTH_KIB) throw new Error(`memory grew by ${growth} KiB for ${input.length} bytes`);
  }
  if (least > MAX_MS) throw new Error(`it took ${Math.round(least)} ms for ${input.length} bytes`);
}

/** Nothing fills much memory in this time, ms. A measurement takes longer than most inputs, so these go without. */
const SHORT_MS = 20;
/** Memory is also measured after this many short inputs, so that none is blamed for what all together need. */
const MEASURE_AFTER = 100;
let unmeasured = 0;
let peak = resourceUsage().maxRSS;

/** KiB by which the peak of the process's memory has grown since the last call. */
function measureGrowth(): number {
  const before = peak;
  peak = resourceUsage().maxRSS;
  unmeasured = 0;
  return peak - before;
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`;

/** Findings from the same place of the code are of one kind. */
const kindOf = (reason: string): string =>
  reason
    .match(/^ {4}at .*$/gm)
    ?.slice(0, 8)
    .join() ?? reason.slice(0, 300);

/** Neighbouring numbers give unrelated seeds (finaliser of MurmurHash3 by Austin Appleby). */
function mixed(number: number): number {
  let h = number | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
