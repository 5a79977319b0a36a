import { type Line, type OutageEvent, outageText, storageName } from '../../lib/storage/outages.ts';

/**
 * Says that the run waits for its storage, and that it goes on. Functions and GPU tasks meet the same outage, each in its
 * own process: it is said once a minute, whoever reports it.
 *
 * @param now in milliseconds
 */
export function createOutageLines(say: (line: string) => void, now: () => number): (event: OutageEvent) => void {
  const said = new Map<Line | undefined, { readonly code: string; readonly minute: number }>();
  return (event) => {
    const { line } = event;
    if (event.type === 'over') {
      if (said.delete(line)) say(`${storageName(line)} is back, and the run goes on.`);
      return;
    }
    const minute = Math.floor(now() / 60_000);
    const last = said.get(line);
    if (last?.code === event.code && last.minute === minute) return;
    said.set(line, { code: event.code, minute });
    say(outageText(event));
  };
}
