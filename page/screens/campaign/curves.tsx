import { useMemo, useState } from 'preact/hooks';
import type { CampaignView, Curves as CurvesData } from '../../api/campaign.ts';
import { Choice } from '../../parts/choice.tsx';
import { useFormats } from '../../parts/format.ts';
import type { Line } from '../../parts/line.ts';
import { LineChart } from '../../parts/line-chart.tsx';
import { Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { CurveTable } from './curve-table.tsx';

/**
 * Losses of one stage at a time: those of two stages cannot be compared.
 *
 * @param isWanted false while the server reads what stands above them
 */
export function Curves({ view, isWanted }: { readonly view: CampaignView; readonly isWanted: boolean }) {
  const { campaign: text } = useTexts();
  const learning = view.stages.filter(({ rounds }) => rounds.some(({ loss }) => loss !== undefined));
  const [chosen, setChosen] = useState<string>();
  const stage = learning.find(({ name }) => name === chosen) ?? learning.at(-1);
  if (!stage) return null;
  const committed = stage.rounds.filter(({ phase }) => phase === 'committed').length;
  return (
    <section aria-labelledby="curves">
      <h2 id="curves">{text.curves}</h2>
      <div class="filters">
        <Choice
          label={text.stage}
          options={learning.map(({ name }) => [name, name] as const)}
          value={stage.name}
          onChoose={setChosen}
        />
      </div>
      <StageCurves
        key={`${stage.name} ${committed}`}
        campaign={view.campaign}
        stage={stage.name}
        best={stage.best}
        isWanted={isWanted}
      />
      <p class="quiet">{text.curvesNote}</p>
    </section>
  );
}

function StageCurves(props: {
  readonly campaign: string;
  readonly stage: string;
  readonly best: number | undefined;
  readonly isWanted: boolean;
}) {
  const { campaign, stage, best, isWanted } = props;
  const [sites, setSites] = useState<string>();
  const query = { stage, ...(sites !== undefined && { sites }) };
  // Read once: the parent makes a new one when a round is committed.
  const state = useResource('curves', { campaign }, { every: 0, query, isWanted });
  return (
    <Resource state={state}>
      {(curves) => (
        <>
          <Drawn curves={curves} best={best} />
          {curves.merged > curves.sites.length && <SiteChoice curves={curves} onChoose={setSites} />}
        </>
      )}
    </Resource>
  );
}

function Drawn({ curves, best }: { readonly curves: CurvesData; readonly best: number | undefined }) {
  const { campaign: text } = useTexts();
  const { number } = useFormats();
  const lines = useMemo(() => linesOf(curves, text.mean, text.validation), [curves, text]);
  const lowest = best === undefined ? undefined : curves.validation[curves.rounds.indexOf(best)];
  return (
    <>
      <LineChart label={text.chart(curves.stage)} x={curves.rounds} lines={lines} />
      {best !== undefined && typeof lowest === 'number' && <p>{text.bestAt(best, number(lowest))}</p>}
      <CurveTable curves={curves} lines={lines} />
    </>
  );
}

/** Dashes by which lines of sites differ; with the colours, their least common multiple is longer than the list of sites. */
const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3]] as const;
const COLOURS = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6', '--line-7'];

/** The mean, the validation if there is one, then the sites. */
function linesOf(curves: CurvesData, mean: string, validation: string): readonly Line[] {
  const isValidated = curves.validation.some((loss) => loss !== null);
  return [
    { label: mean, values: curves.mean, colour: '--ink', width: 3 },
    ...(isValidated
      ? [{ label: validation, values: curves.validation, colour: '--accent', width: 3, dash: [8, 5] }]
      : []),
    ...curves.sites.map(({ site, loss }, index) => ({
      label: site,
      values: loss,
      colour: COLOURS[index % COLOURS.length] as string,
      width: 1.25,
      dash: DASHES[index % DASHES.length] as readonly number[],
    })),
  ];
}

function SiteChoice({ curves, onChoose }: { readonly curves: CurvesData; readonly onChoose: (sites: string) => void }) {
  const { campaign: text } = useTexts();
  const [typed, setTyped] = useState('');
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        const sites = typed.split(/[\s,]+/).filter((site) => site !== '');
        if (sites.length > 0) onChoose(sites.join(','));
      }}
    >
      <label class="field">
        <span>{text.someCurves(curves.sites.length, curves.merged)}</span>
        <input
          type="text"
          aria-label={text.chosenCurves}
          value={typed}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
        />
      </label>
      <button type="submit">{text.showCurves}</button>
    </form>
  );
}
