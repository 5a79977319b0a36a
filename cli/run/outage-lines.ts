import { type OutageEvent, outageText } from '../../lib/storage/outages.ts';

/**
 * Says that the run waits for its storage, and that it goes on. Functions and GPU tasks meet the same outage, each in its
 * own process: it is said once a minute, whoever reports it.
 *
 * @param now in milliseconds
 */
export function createOutageLines(say: (line: string) => void, now: () => number): (event: OutageEvent) => void {
  let said: { readonly code: string; readonly minute: number } | undefined;
  return (event) => {
    if (event.type === 'over') {
      if (said) say('The storage is back, and the run goes on.');
      said = undefined;
      return;
    }
    const minute = Math.floor(now() / 60_000);
    if (said?.code === event.code && said.minute === minute) return;
    said = { code: event.code, minute };
    say(outageText(event));
  };
}
