import type { AskedCampaign } from '../../api/hospital/decide.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { useFormats } from '../../parts/format.ts';
import { Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';
import { ConsentControls } from './consent.tsx';

const TONES: Readonly<Record<AskedCampaign['phase'], Tone>> = {
  running: 'active',
  paused: 'waiting',
  ended: 'neutral',
  unknown: 'neutral',
};

/** What a campaign asks of this site, stage by stage. */
export function AskedCampaignCard(props: { readonly campaign: AskedCampaign; readonly onChanged: () => void }) {
  const { campaign, onChanged } = props;
  const { decide: text } = useTexts().hospital;
  const { phase, plannedAt, purpose, consent, isSecure, epsilon, sent, stages, warnings, unreadable } = campaign;
  return (
    <section class="panel">
      <h2>
        {campaign.campaign} <Badge tone={TONES[phase]}>{text.phases[phase]}</Badge>
      </h2>
      <p class="quiet">
        {plannedAt !== undefined && (
          <>
            {text.planned} <Time iso={plannedAt} full /> ·{' '}
          </>
        )}
        {sent === 0 ? text.nothingSent : text.sent(sent)}
      </p>
      {unreadable ? (
        <p class="stale">
          {text.unreadable} <span class="reason">{unreadable.message}</span>
        </p>
      ) : (
        <>
          <p>{purpose === undefined ? text.noPurpose : purpose}</p>
          {consent && (
            <ConsentControls
              plan={campaign.plan}
              campaign={campaign.campaign}
              consent={consent}
              isOver={phase === 'ended'}
              onChanged={onChanged}
            />
          )}
          <Stages campaign={campaign} />
          <p>
            {isSecure ? text.secure : text.plain} {epsilon === undefined ? text.noNoise : text.noise(epsilon)}
          </p>
          <p>
            <strong>{text.never}</strong>
          </p>
          {warnings.length > 0 && (
            <details>
              <summary>{text.warnings}</summary>
              <ul>
                {warnings.map((warning) => (
                  <li key={warning}>{warning}</li>
                ))}
              </ul>
            </details>
          )}
          <details>
            <summary>{text.keys}</summary>
            <ul class="keys">
              {[...new Set(stages.flatMap(({ keys }) => keys))].map((key) => (
                <li key={key}>
                  <code>{key.replace('<campaign>', campaign.campaign)}</code>
                </li>
              ))}
            </ul>
          </details>
        </>
      )}
    </section>
  );
}

function Stages({ campaign }: { readonly campaign: AskedCampaign }) {
  const { decide: text } = useTexts().hospital;
  const { number } = useFormats();
  const titleOf = useTitles();
  return (
    <Table
      caption={campaign.campaign}
      rows={campaign.stages}
      keyOf={({ stage }) => stage}
      columns={[
        {
          title: text.stage,
          cell: ({ stage, kind }) => (
            <>
              {stage}
              <span class="quiet line">{text.kinds[kind] ?? kind}</span>
            </>
          ),
        },
        {
          title: text.learns,
          cell: ({ tasks }) => (tasks.length === 0 ? text.nothing : tasks.map((one) => titleOf(one.title)).join(', ')),
        },
        { title: text.answers, cell: ({ rounds }) => text.times(rounds) },
        {
          title: text.cases,
          cell: ({ cases, isForOthers }) =>
            isForOthers ? text.forOthers : cases === undefined ? text.unknownCases : text.upTo(cases),
        },
        {
          title: text.leaves,
          cell: ({ contents, stays, cases, isForOthers }) =>
            isForOthers || cases === 0 ? (
              text.nothing
            ) : (
              <>
                <ul class="contents">
                  {contents.map(({ content, minimum, isWithheld }) => (
                    <li key={content} class={isWithheld ? 'withheld' : undefined}>
                      {minimum === undefined
                        ? text.contents[content]
                        : (text.limited[content]?.(number(minimum)) ?? text.contents[content])}
                      {isWithheld && `: ${text.withheld}`}
                    </li>
                  ))}
                </ul>
                {stays.length > 0 && <span class="quiet">{text.stays(stays.join(', '))}</span>}
              </>
            ),
        },
      ]}
    />
  );
}
