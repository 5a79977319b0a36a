import type { Figures, Results, TaskResults } from '../../api/results.ts';
import { type Column, Table } from '../../parts/table.tsx';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';
import { type Side, sidesOf } from './columns.ts';
import { useMeasureFormat } from './difference-table.tsx';
import { Distributions } from './distributions.tsx';
import { MEASURES, named } from './measures.ts';

type Task = Results['tasks'][number];

interface Scored {
  readonly side: Side;
  readonly found: TaskResults;
}

/** One task: every model with all figures, the distribution over points or cases, by site and by point. */
export function TaskTables({ task, all }: { readonly task: Task; readonly all: readonly Results[] }) {
  const { results: text } = useTexts();
  const titleOf = useTitles();
  const scored = sidesOf(all, text).flatMap((side): readonly Scored[] => {
    const found = side.model.tasks.find((one) => one.task === task.id);
    return found ? [{ side, found }] : [];
  });
  const id = `task-${task.id}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{titleOf(task.title)}</h2>
      <ModelTable task={task} scored={scored} />
      <Distributions
        task={task}
        withinMm={all[0]?.withinMm ?? 0}
        lines={scored.map(({ side, found }) => ({ title: side.title, distribution: found.distribution }))}
      />
      <PartTable
        title={text.bySite}
        what={text.site}
        task={task}
        scored={scored}
        of={({ found, side }) =>
          named(
            found.sites,
            side.results.sites.map(({ name }) => name),
          )
        }
      />
      <PartTable
        title={text.byPoint}
        what={text.point}
        task={task}
        scored={scored}
        of={({ found }) => named(found.points, task.classes.map(titleOf))}
      />
    </section>
  );
}

/** The figures of each model over all sites. */
function ModelTable({ task, scored }: { readonly task: Task; readonly scored: readonly Scored[] }) {
  const { results: text } = useTexts();
  const show = useMeasureFormat();
  const count =
    (of: (figures: Figures) => number): Column<Scored>['cell'] =>
    ({ found }) =>
      String(of(found.all));
  const isLandmarks = task.kind === 'landmarks';
  const columns: readonly Column<Scored>[] = [
    { title: text.model, cell: ({ side }) => side.title },
    { title: isLandmarks ? text.points : text.cases, isNumber: true, cell: count(({ n }) => n) },
    isLandmarks
      ? { title: text.missingPoints, isNumber: true, cell: count((of) => (of.kind === 'landmarks' ? of.missing : 0)) }
      : { title: text.oneEmpty, isNumber: true, cell: count((of) => (of.kind === 'segmentation' ? of.oneEmpty : 0)) },
    ...MEASURES[task.kind]
      .filter(({ id }) => id !== 'missing')
      .map(
        (measure): Column<Scored> => ({
          title: text.measures[measure.id],
          isNumber: true,
          cell: ({ found }) => show(measure, measure.of(found.all)),
        }),
      ),
  ];
  return <Table caption={useTitles()(task.title)} columns={columns} rows={scored} keyOf={({ side }) => side.key} />;
}

/** The judged figure of each model at each site or point, with how many are missing. */
function PartTable(props: {
  readonly title: string;
  readonly what: string;
  readonly task: Task;
  readonly scored: readonly Scored[];
  readonly of: (scored: Scored) => ReadonlyMap<string, Figures>;
}) {
  const { title, what, task, scored, of } = props;
  const titleOf = useTitles();
  const { results: text } = useTexts();
  const show = useMeasureFormat();
  const maps = scored.map(of);
  const names = [...new Set(maps.flatMap((map) => [...map.keys()]))];
  if (names.length === 0) return null;
  const [measure] = MEASURES[task.kind];
  const columns: readonly Column<string>[] = [
    { title: what, cell: (name) => name },
    ...scored.map(
      ({ side }, index): Column<string> => ({
        title: side.title,
        isNumber: true,
        cell: (name) => {
          const figures = maps[index]?.get(name);
          if (!figures) return text.notScored;
          return (
            <>
              {show(measure, measure.of(figures))} <span class="quiet">{missingText(figures, text)}</span>
            </>
          );
        },
      }),
    ),
  ];
  return (
    <details>
      <summary>
        {title}: {text.measures[measure.id]}
      </summary>
      <div class="scroll">
        <Table caption={`${titleOf(task.title)}, ${title}`} columns={columns} rows={names} keyOf={(name) => name} />
      </div>
    </details>
  );
}

const missingText = (figures: Figures, text: ReturnType<typeof useTexts>['results']): string =>
  figures.kind === 'landmarks' ? text.missingOf(figures.missing, figures.n) : text.n(figures.n);
