import { useState } from 'preact/hooks';
import type { Results } from '../../api/results.ts';
import { Choice } from '../../parts/choice.tsx';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';
import { firstPair, type Side, sidesOf } from './columns.ts';
import { DifferenceTable, Tally } from './difference-table.tsx';
import { MEASURES, named, type Row, rowOf } from './measures.ts';

/** Two models, what is better and what is worse with the same weight. */
export function Comparison(props: { readonly all: readonly Results[]; readonly tasks: Results['tasks'] }) {
  const { all, tasks } = props;
  const { results: text } = useTexts();
  const titleOf = useTitles();
  const [chosen, setChosen] = useState<readonly [string | undefined, string | undefined]>([undefined, undefined]);
  const sides = sidesOf(all, text);
  const start = firstPair(sides);
  if (!start) return null;
  const side = (index: 0 | 1) => sides.find(({ key }) => key === chosen[index]) ?? start[index];
  const [first, second] = [side(0), side(1)];
  const options = sides.map(({ key, title }) => [key, title] as const);
  const blocks = tasks.flatMap((task) => blockOf(task, first, second, titleOf));
  return (
    <section aria-labelledby="comparison">
      <h2 id="comparison">{text.comparison}</h2>
      <div class="filters">
        <Choice
          label={text.first}
          isPlain
          options={options}
          value={first.key}
          onChoose={(key) => setChosen([key, chosen[1]])}
        />
        <span>{text.against}</span>
        <Choice
          label={text.second}
          isPlain
          options={options}
          value={second.key}
          onChoose={(key) => setChosen([chosen[0], key])}
        />
      </div>
      {blocks.length === 0 ? (
        <p class="quiet">{text.nothingInCommon}</p>
      ) : (
        <>
          <Tally rows={blocks.flatMap(({ rows }) => rows)} />
          {blocks.map(({ title, rows, sites, points }) => (
            <div key={title} class="block">
              <h3>{title}</h3>
              <DifferenceTable caption={title} what={text.measure} rows={rows} titles={[first.title, second.title]} />
              <Details title={text.bySite} rows={sites} titles={[first.title, second.title]} what={text.site} />
              <Details title={text.byPoint} rows={points} titles={[first.title, second.title]} what={text.point} />
            </div>
          ))}
        </>
      )}
    </section>
  );
}

function Details(props: {
  readonly title: string;
  readonly what: string;
  readonly rows: readonly Row[];
  readonly titles: readonly [string, string];
}) {
  if (props.rows.length === 0) return null;
  return (
    <details>
      <summary>
        {props.title} <Tally rows={props.rows} isShort />
      </summary>
      <DifferenceTable caption={props.title} what={props.what} rows={props.rows} titles={props.titles} />
    </details>
  );
}

interface Block {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly sites: readonly Row[];
  readonly points: readonly Row[];
}

/** The comparisons of a task: none if one of the models was not scored on it. */
function blockOf(
  task: Results['tasks'][number],
  first: Side,
  second: Side,
  titleOf: (title: string) => string,
): readonly Block[] {
  const resultsOf = ({ model }: Side) => model.tasks.find((one) => one.task === task.id);
  const [a, b] = [resultsOf(first), resultsOf(second)];
  if (!a || !b) return [];
  const measures = MEASURES[task.kind];
  const within = (of: 'sites' | 'points', namesOf: (side: Side) => readonly string[]): readonly Row[] => {
    const [ofA, ofB] = [named(a[of], namesOf(first)), named(b[of], namesOf(second))];
    const names = [...new Set([...ofA.keys(), ...ofB.keys()])];
    return names.map((name) => rowOf(name, measures[0], ofA.get(name), ofB.get(name)));
  };
  return [
    {
      title: titleOf(task.title),
      rows: measures.map((measure) => rowOf(measure.id, measure, a.all, b.all)),
      sites: within('sites', ({ results }) => results.sites.map(({ name }) => name)),
      points: within(
        'points',
        ({ results }) => results.tasks.find(({ id }) => id === task.id)?.classes.map(titleOf) ?? [],
      ),
    },
  ];
}
