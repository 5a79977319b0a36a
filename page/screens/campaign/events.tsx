import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { CampaignView } from '../../api/campaign.ts';
import { type Formats, useFormats } from '../../parts/format.ts';
import type { Texts } from '../../text/en.ts';
import { useTexts } from '../../text/language.ts';
import { CellMark } from './cell-mark.tsx';
import { type CampaignEvent, eventsOf } from './event-list.ts';

/** Events that are shown at first, and excluded sites that one event names. */
const SHOWN = 12;
const NAMED = 5;

const MARKS: Readonly<Record<CampaignEvent['kind'], string>> = {
  planned: '◇',
  opened: '○',
  committed: '◆',
  paused: '‖',
  resumed: '▶',
  ended: '■',
};

/** What happened, the last first. */
export function Events({ view }: { readonly view: CampaignView }) {
  const text = useTexts();
  const formats = useFormats();
  const [isLong, setLong] = useState(false);
  const events = eventsOf(view);
  const shown = isLong ? events : events.slice(0, SHOWN);
  return (
    <section aria-labelledby="events">
      <h2 id="events">{text.campaign.events}</h2>
      <ol class="events">
        {shown.map((event) => (
          <li
            key={`${event.at} ${event.kind} ${'stage' in event ? event.stage.name : ''}`}
            class={`event-${event.kind}`}
          >
            <span class="event-mark" aria-hidden="true">
              {MARKS[event.kind]}
            </span>
            <time class="quiet" dateTime={event.at}>
              {formats.instant(event.at)}
            </time>
            <div>{describe(event, text, formats)}</div>
          </li>
        ))}
      </ol>
      {shown.length < events.length && (
        <button type="button" onClick={() => setLong(true)}>
          {text.campaign.moreEvents(events.length - shown.length)}
        </button>
      )}
    </section>
  );
}

function describe(
  event: CampaignEvent,
  { campaign: text, phases, cells }: Texts,
  { percent }: Formats,
): ComponentChildren {
  switch (event.kind) {
    case 'planned':
      return text.eventPlanned;
    case 'resumed':
      return text.eventResumed;
    case 'paused':
      return withReason(text.eventPaused, event.reason);
    case 'ended':
      return withReason(text.eventEnded(phases[event.phase]), event.reason);
    case 'opened':
      return (
        <>
          <strong>{text.stageRound(event.stage.name, event.round.round)}</strong>{' '}
          {text.eventOpened(event.sites, event.round.quorum)}
        </>
      );
    case 'committed': {
      const { stage, round, merged, sites, excluded } = event;
      return (
        <>
          <strong>{text.stageRound(stage.name, round.round)}</strong>{' '}
          {text.eventCommitted(merged, sites, percent(round.caseShare ?? 0))}
          <ul class="excluded">
            {excluded.slice(0, NAMED).map(({ site, state, reason }) => (
              <li key={site}>
                <CellMark state={state} /> {text.eventExcluded(site, cells[state], reason)}
              </li>
            ))}
            {excluded.length > NAMED && <li class="quiet">{text.moreExcluded(excluded.length - NAMED)}</li>}
          </ul>
        </>
      );
    }
  }
}

const withReason = (text: string, reason: string | undefined): string =>
  reason === undefined ? text : `${text}: ${reason}`;
