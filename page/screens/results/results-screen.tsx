import type { Results } from '../../api/results.ts';
import { linkTo } from '../../link.ts';
import { Choice } from '../../parts/choice.tsx';
import { Empty, Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { CampaignHead } from '../campaign/head.tsx';
import { Comparison } from './comparison.tsx';
import './results.css';
import { TaskTables } from './task-tables.tsx';

/** Results come when an evaluation is committed. */
const EVERY = 30_000;

export function ResultsScreen(props: { readonly campaign: string; readonly other: string | undefined }) {
  const { campaign, other } = props;
  const own = useResource('results', { campaign }, { every: EVERY });
  return (
    <>
      <CampaignHead campaign={campaign} view="results" />
      <OtherChoice campaign={campaign} other={other} />
      <Resource state={own}>
        {(results) => (other === undefined ? <Shown all={[results]} /> : <Beside results={results} other={other} />)}
      </Resource>
    </>
  );
}

function Beside({ results, other }: { readonly results: Results; readonly other: string }) {
  const state = useResource('results', { campaign: other }, { every: EVERY });
  return <Resource state={state}>{(others) => <Shown all={[results, others]} />}</Resource>;
}

function Shown({ all }: { readonly all: readonly Results[] }) {
  const { results: text } = useTexts();
  if (all.every(({ models }) => models.length === 0)) {
    return <Empty title={text.empty}>{<p>{text.emptyHint}</p>}</Empty>;
  }
  const tasks = all
    .flatMap((results) => results.tasks)
    .filter(({ id }, index, list) => list.findIndex((one) => one.id === id) === index);
  return (
    <div class="results">
      {all.map((results) => (
        <Scope key={results.campaign} results={results} isOneOfTwo={all.length > 1} />
      ))}
      <Comparison all={all} tasks={tasks} />
      {tasks.map((task) => (
        <TaskTables key={task.id} task={task} all={all} />
      ))}
      <p class="quiet">{text.note(all[0]?.withinMm ?? 0)}</p>
    </div>
  );
}

/** Which cases were scored, and whose are missing. */
function Scope({ results, isOneOfTwo }: { readonly results: Results; readonly isOneOfTwo: boolean }) {
  const { results: text } = useTexts();
  const { campaign, scoredOn, sites, missing } = results;
  return (
    <div class="scope">
      <p>
        {isOneOfTwo && <strong>{campaign}: </strong>}
        {text.scope[scoredOn](sites.length)}
      </p>
      {missing.length > 0 && (
        <details open={missing.length < 4}>
          <summary>{text.missing(missing.length)}</summary>
          <ul>
            {missing.map(({ site, evaluation, reason }) => (
              <li key={`${evaluation}/${site}`}>
                <strong>{site}</strong> ({evaluation}): {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function OtherChoice({ campaign, other }: { readonly campaign: string; readonly other: string | undefined }) {
  const { results: text } = useTexts();
  const { data } = useResource('campaigns', {}, { every: 0, query: { part: 'overview' } });
  const others = (data?.campaigns ?? []).map((one) => one.campaign).filter((id) => id !== campaign);
  if (others.length === 0) return null;
  return (
    <div class="filters">
      <Choice
        label={text.beside}
        any={text.noOther}
        options={others.map((id) => [id, id])}
        value={other}
        onChoose={(value) => {
          location.hash =
            value === undefined
              ? linkTo('campaigns/{campaign}/results', { campaign })
              : linkTo('campaigns/{campaign}/results/{other}', { campaign, other: value });
        }}
      />
    </div>
  );
}
