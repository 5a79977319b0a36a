import { printable } from '../../lib/printable.ts';
import type { CampaignStatus, StageStatus } from '../../lib/protocol/status.ts';
import { validationText } from '../../lib/report/validation-text.ts';
import { headOf, lossOf } from '../status.ts';
import { table } from '../table.ts';
import { type Cell, cellOf } from './cells.ts';
import { fromNow } from './times.ts';

/** Columns of a round: wide enough for `waited for`. */
const ROUND_WIDTH = 12;

/**
 * The live table: a line for each stage, and for each running one its sites × its last rounds.
 *
 * @param width columns of the terminal
 */
export function watchBlock(status: CampaignStatus, now: Date, width: number): readonly string[] {
  const lines = [
    ...headOf(status, now).split('\n'),
    ...status.stages.flatMap((stage) => ['', ...stageLines(stage, now, width)]),
  ];
  return lines.map((line) => (line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line));
}

function stageLines(stage: StageStatus, now: Date, width: number): readonly string[] {
  const committed = stage.rounds.filter(({ phase }) => phase === 'committed').length;
  const loss = lossOf(stage);
  const validated = validationText(stage.rounds);
  const found = [...(loss === '' ? [] : [`loss ${loss}`]), ...(validated === undefined ? [] : [validated])];
  const head = [`${stage.name}: ${stage.phase}, ${committed} of ${stage.total} rounds`, ...found].join(', ');
  const last = stage.rounds.at(-1);
  if (stage.phase !== 'running' || !last) return [head];
  const sites = [...new Set(stage.rounds.flatMap(({ participants }) => participants))].sort();
  const longest = Math.max(4, ...sites.map((site) => site.length));
  const shown = stage.rounds.slice(-Math.max(1, Math.floor((width - longest) / ROUND_WIDTH)));
  const rows = sites.map((site) => [site, ...shown.map((round) => cellOf(round, site)?.became ?? '–')]);
  const waits =
    last.phase === 'open'
      ? `, round ${last.round}: ${last.updated.length} of ${last.participants.length} answered, closes from ${last.quorum}, deadline ${fromNow(last.deadline, now)}`
      : `, round ${last.round} is being merged`;
  return [
    head + waits,
    ...table(['site', ...shown.map(({ round }) => `round ${round}`)], rows),
    ...sites.flatMap((site) => noteOf(cellOf(last, site), site)),
  ];
}

const NOTED: readonly string[] = ['failed', 'refused', 'late', 'clipped'];

const noteOf = (cell: Cell | undefined, site: string): readonly string[] =>
  cell && NOTED.includes(cell.became) ? [`  ${site} ${cell.became}: ${printable(cell.reason ?? '')}`] : [];

/** What happened between two looks, a line each, for a log. `before` is undefined at the first look. */
export function changesBetween(before: CampaignStatus | undefined, after: CampaignStatus): readonly string[] {
  const old = new Map(before?.stages.map((stage) => [stage.name, stage]));
  const phase = before?.phase === after.phase ? [] : [phaseLine(after)];
  const changes = after.stages.flatMap((stage) => stageChanges(old.get(stage.name), stage));
  const warnings = before ? [] : after.warnings.map((text) => `warning: ${printable(text)}`);
  // The end comes after what led to it.
  return before || after.endedAt !== undefined
    ? [...warnings, ...changes, ...phase]
    : [...phase, ...warnings, ...changes];
}

const phaseLine = ({ campaign, phase, reason }: CampaignStatus): string =>
  `${campaign}: ${phase}${reason === undefined ? '' : `: ${printable(reason)}`}`;

function stageChanges(before: StageStatus | undefined, after: StageStatus): readonly string[] {
  return after.rounds.flatMap((round) => {
    const was = before?.rounds.find((old) => old.round === round.round);
    const at = `${after.name} round ${round.round}/${after.total}`;
    const opened = was ? [] : [`${at}: opened for ${round.participants.join(', ')}; deadline ${round.deadline}`];
    const cells = round.participants.flatMap((site) => {
      const now = cellOf(round, site);
      const then = was && cellOf(was, site)?.became;
      if (!now || now.became === 'waited for' || now.became === then) return [];
      return [`${at}: ${site} ${now.became}${now.reason === undefined ? '' : `: ${printable(now.reason)}`}`];
    });
    const loss = round.figures.loss === undefined ? '' : `, loss ${lossOf({ ...after, rounds: [round] })}`;
    const committed =
      round.phase === 'committed' && was?.phase !== 'committed'
        ? [`${at}: merged ${round.updated.length} of ${round.participants.length} sites${loss}`]
        : [];
    return [...opened, ...cells, ...committed];
  });
}
