import { readFileSync } from 'node:fs';

/**
 * Most memory that a process has held so far, bytes: by default this one. On Linux the kernel's high-water mark of the process
 * alone, because `resourceUsage` starts from what the parent had; 0 for another process where the system does not say.
 */
export function peakRss(pid: number | 'self' = 'self'): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return pid === 'self' ? process.resourceUsage().maxRSS * 1024 : 0;
  }
}
