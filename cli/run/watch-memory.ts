import { readdirSync, readFileSync } from 'node:fs';

/** Page size of every machine with /proc that runs Node's official builds for x64, bytes. */
const PAGE = 4096;

/**
 * Resident memory of a process and its descendants, bytes. Shared pages count for each process. Undefined without /proc.
 */
export function treeRss(root: number, proc = '/proc'): number | undefined {
  const processes = readProcesses(proc);
  if (!processes.has(root)) return undefined;
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of processes) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const sum = (pid: number): number =>
    (children.get(pid) ?? []).reduce((total, child) => total + sum(child), processes.get(pid)?.rss ?? 0);
  return sum(root);
}

function readProcesses(proc: string): ReadonlyMap<number, { readonly parent: number; readonly rss: number }> {
  const found = new Map<number, { parent: number; rss: number }>();
  for (const name of entries(proc)) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The command in brackets may hold any character, so the numbers follow the last bracket.
      const stat = readFileSync(`${proc}/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      found.set(Number(name), { parent: Number(fields[1]), rss: Number(fields[21]) * PAGE });
    } catch {
      // The process ended after it was listed.
    }
  }
  return found;
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const SAMPLE_MS = 1000;

export interface MemoryWatch {
  /** Peak resident memory of the process tree so far, bytes; 0 if unknown. */
  peak(): number;
  stop(): void;
}

/** Samples this process and its descendants every second. */
export function watchMemory(before = 0): MemoryWatch {
  let peak = before;
  const sample = () => {
    peak = Math.max(peak, treeRss(process.pid) ?? 0);
  };
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  timer.unref();
  return { peak: () => peak, stop: () => clearInterval(timer) };
}
