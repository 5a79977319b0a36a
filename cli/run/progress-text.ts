import { printable } from '../../lib/printable.ts';
import { clock, significant } from '../../lib/report/format.ts';
import type { RunEvent } from './events.ts';
import type { Progress, RunningGpuTask, SiteProgress } from './progress.ts';
import type { Workload } from './workload.ts';

/** The block on a terminal: overall progress, a line per running stage and a line per site. */
export function progressBlock(
  progress: Progress,
  workload: Workload,
  view: { readonly elapsed: number; readonly left: number | undefined; readonly width: number; readonly share: number },
): readonly string[] {
  const head = `${bar(view.share, 24)} ${String(Math.round(view.share * 100)).padStart(3)} %  ${clock(view.elapsed)} elapsed${view.left === undefined ? '' : `, about ${clock(view.left)} left`}`;
  const names = Math.max(...[...progress.sites.values()].map(({ name }) => name.length));
  const sites = [...progress.sites].map(([id, site]) => {
    const running = [...progress.running.values()].filter((task) => task.site === id);
    return `  ${site.name.padEnd(names)}  ${siteText(site, running, workload)}`;
  });
  return [head, ...stageLines(progress, workload, view.width), ...sites].map((line) => line.slice(0, view.width));
}

/**
 * The log line of an event; undefined for events that only change a number.
 *
 * @param loss the latest loss of the event's GPU task
 */
export function eventLine(event: RunEvent, workload: Workload, loss?: number): string | undefined {
  switch (event.type) {
    case 'rejected':
      return `${event.site}: ${printable(event.caseId)}: a file was rejected`;
    case 'task-done':
      return `${event.site}: ${event.stage} round ${event.round}/${workload.rounds.get(event.stage) ?? 1} done${lossText(loss)}`;
    case 'task-failed':
      return `${event.site}: ${event.stage} round ${event.round} failed: ${printable(event.reason)}`;
    case 'commit':
      return `${event.stage} round ${event.round}/${workload.rounds.get(event.stage) ?? 1} committed`;
    default:
      return undefined;
  }
}

function siteText(site: SiteProgress, running: readonly RunningGpuTask[], workload: Workload): string {
  if (running.length > 0) {
    const tasks = running.map(({ stage, round, step, steps }) => {
      const at = steps > 0 ? ` ${step}/${steps}` : '';
      return `${stage} round ${round}/${workload.rounds.get(stage) ?? 1}${at}`;
    });
    return `${tasks.join(', ')}${lossText(site.loss)}`;
  }
  if (site.uploaded < site.cases) return `uploading ${site.uploaded}/${site.cases} CTs`;
  const rejected = site.rejected > 0 ? `, ${site.rejected} rejected` : '';
  if (site.cataloged < site.cases) return `intake ${site.cataloged}/${site.cases} CTs${rejected}`;
  return `idle, ${site.cases} CTs${rejected}${lossText(site.loss)}`;
}

function stageLines(progress: Progress, workload: Workload, width: number): readonly string[] {
  const parts = [...workload.rounds].map(([stage, rounds]) => {
    const done = progress.committed.get(stage) ?? 0;
    return done >= rounds ? `${stage} ✓` : `${stage} ${done}/${rounds}`;
  });
  const lines = ['  '];
  for (const part of parts) {
    const line = lines.at(-1) as string;
    if (line.trim() !== '' && line.length + part.length > width) lines.push(`  ${part}   `);
    else lines[lines.length - 1] = `${line}${part}   `;
  }
  return lines.map((line) => line.trimEnd());
}

const lossText = (loss: number | undefined): string => (loss === undefined ? '' : `, loss ${significant(loss)}`);

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}
