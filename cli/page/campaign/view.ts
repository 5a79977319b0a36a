import { kindOf, type Open, type Plan, type Stage } from '../../../lib/federation/schemas.ts';
import { printable } from '../../../lib/printable.ts';
import type { Pauses } from '../../../lib/protocol/pauses.ts';
import { requirementsOf, stageOf } from '../../../lib/protocol/plan.ts';
import type { RoundStatus } from '../../../lib/protocol/round-status.ts';
import type { CampaignStatus, StageStatus } from '../../../lib/protocol/status.ts';
import { isWithoutData } from '../../../lib/report/without-data.ts';
import type { CampaignView, RoundView, StageView } from '../../../page/api/campaign.ts';
import { CELL_STATES, type CellState } from '../../../page/api/cells.ts';
import { cellsOf, participantsOf } from '../../campaign/cells.ts';
import { reportedKindOf } from '../../report/collect.ts';
import { caseShareOf } from '../../report/coverage.ts';

/** What a campaign's documents say, beside its status. */
export interface CampaignDocuments {
  readonly pauses: Pauses;
  /** Undefined for a campaign that is not planned yet. */
  readonly plan: Plan | undefined;
  /** Whether the answers of sites were not listed. */
  readonly isPartial: boolean;
  /** The participants of each round. */
  readonly participants: (stage: string, round: number) => Open['participants'];
  /** Sites of the federation. */
  readonly sites: readonly string[];
  /** Committed rounds of a stage. */
  readonly done: (stage: string) => number;
}

/** Most characters of a reason. A site wrote some of them. */
const MAX_REASON = 500;

/** A campaign as the page shows it, compact. */
export function campaignView(status: CampaignStatus, documents: CampaignDocuments): CampaignView {
  const { pauses, plan } = documents;
  const sites = [...new Set([...documents.sites, ...participantsOf(status)])];
  const reasons = new Map<string, number>();
  const stages = plan
    ? status.stages.map((stage) => stageView(stage, stageOf(plan, stage.name), { ...documents, sites, reasons }))
    : [];
  return {
    campaign: status.campaign,
    phase: status.phase,
    reason: status.reason,
    plannedAt: status.plannedAt,
    endedAt: status.endedAt,
    warnings: [...status.warnings],
    suspected: [...status.suspected],
    consents: status.consents.map(({ site, state }) => ({ site, state })),
    withdrawn: [...status.withdrawn],
    pauses: [...pauses],
    sites,
    reasons: [...reasons.keys()],
    stages,
  };
}

interface Material extends CampaignDocuments {
  /** Collects reasons with their index. */
  readonly reasons: Map<string, number>;
}

function stageView(status: StageStatus, stage: Stage, material: Material): StageView {
  const { name, phase, total, rounds } = status;
  const best = rounds.at(-1)?.validation?.best?.round;
  return {
    name,
    kind: reportedKindOf(stage),
    phase,
    total,
    done: material.done(name),
    after: [...requirementsOf(stage)],
    need: kindOf(stage).need(stage),
    ...(best !== undefined && { best }),
    rounds: rounds.map((round) => roundView(round, stage, material)),
  };
}

/** States whose reason is worth a note. */
const NOTED: readonly CellState[] = ['clipped', 'limited', 'late', 'refused', 'failed', 'missed', 'no data'];

/** States that are only known after the answers were listed. */
const LISTED: readonly CellState[] = ['waited for', 'answered', 'missed', 'late'];

function roundView(status: RoundStatus, stage: Stage, material: Material): RoundView {
  const { sites, reasons, isPartial } = material;
  const participants = material.participants(stage.name, status.round);
  const stateOf = statesOf(status, stage);
  const total = participants.reduce((sum, { samples }) => sum + samples, 0);
  const cases = new Map(participants.map(({ site, samples }) => [site, samples]));
  const late = new Set(status.mergedLate);
  const notes: RoundView['notes'] = [];
  let cells = '';
  for (const [index, site] of sites.entries()) {
    const { state, reason } = stateOf(site);
    const shown: CellState = isPartial && LISTED.includes(state) ? 'unread' : state;
    cells += CELL_STATES[shown];
    if (reason === undefined || !NOTED.includes(shown)) continue;
    const own = cases.get(site);
    const share = own === undefined || total === 0 ? null : Number((own / total).toPrecision(3));
    notes.push([index, share, indexOf(reasons, printable(reason).slice(0, MAX_REASON))]);
  }
  return {
    round: status.round,
    phase: status.phase,
    openedAt: status.openedAt,
    deadline: status.deadline,
    committedAt: status.committedAt,
    quorum: status.quorum,
    cells,
    ...(status.phase === 'committed' && { caseShare: caseShareOf(status, participants) }),
    notes,
    mergedLate: sites.flatMap((site, index) => (late.has(site) ? [index] : [])),
    ...lossesOf(status),
  };
}

interface SiteState {
  readonly state: CellState;
  readonly reason?: string | undefined;
}

/** What became of each site in a round. Sites without a cell were not asked, or have nothing to learn from. */
function statesOf(status: RoundStatus, stage: Stage): (site: string) => SiteState {
  const cellOf = cellsOf(status);
  const asked = stage.sites && new Set(stage.sites);
  return (site) => {
    const cell = cellOf(site);
    if (!cell) return { state: (asked?.has(site) ?? true) ? 'no data' : 'not asked' };
    const { became, reason } = cell;
    const isEmpty = became === 'failed' && isWithoutData({ reason: reason ?? '' });
    return { state: isEmpty ? 'no data' : became, reason };
  };
}

function indexOf(reasons: Map<string, number>, reason: string): number {
  const index = reasons.get(reason) ?? reasons.size;
  reasons.set(reason, index);
  return index;
}

const lossesOf = ({ figures, validation }: RoundStatus): Pick<RoundView, 'loss' | 'validation'> => ({
  ...(Object.hasOwn(figures, 'loss') && { loss: figures.loss }),
  ...(validation?.scored && { validation: validation.scored }),
});
