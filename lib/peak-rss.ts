import { readFileSync } from 'node:fs';

/**
 * Peak resident memory of a process in bytes, by default of this one. On Linux it is the kernel's high-water mark of
 * the process, because `resourceUsage` includes what the parent had at the fork. 0 for another process whose memory
 * cannot be read.
 */
export function peakRss(pid: number | 'self' = 'self'): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return pid === 'self' ? process.resourceUsage().maxRSS * 1024 : 0;
  }
}
