import { coverageText, coveredRounds, roundsText } from './coverage.ts';
import { learningCurve } from './curves.ts';
import { clock, counted, significant } from './format.ts';
import { type Content, html, type Markup } from './markup.ts';
import type { CommitReport, Coverage, Report, StageReport } from './report.ts';
import { timeline } from './timeline.ts';
import { KIND_TITLES } from './titles.ts';
import { validationText } from './validation-text.ts';
import { exclusionReason, isWithoutData } from './without-data.ts';

/** A chart for every stage that learns; empty if there is none. */
export function learningCurves(report: Report): Markup {
  const names = siteNames(report);
  const charts = report.stages.flatMap((stage) => {
    const chart = learningCurve(stage, (site) => names.get(site) ?? site);
    return chart ? [{ stage, chart }] : [];
  });
  if (charts.length === 0) return html``;
  return html`<section aria-labelledby="learning"><h2 id="learning">Learning curves</h2><p class="muted">Mean training loss of each round: a thin line for each hospital, a thick one for their weighted mean.</p>
<div class="grid-of-charts">${charts.map(({ stage, chart }) => html`<figure><figcaption><b>${stage.name}</b> <span class="muted">${counted(stage.participants.length, 'hospital')}, ${counted(stage.rounds, 'round')}${validationSuffix(stage)}</span></figcaption>${chart}</figure>`)}</div></section>`;
}

/** What validation found, after a comma; empty without. */
function validationSuffix({ commits }: StageReport): string {
  const text = validationText(commits);
  return text === undefined ? '' : `, ${text}`;
}

/** CTs and labels of each hospital, and the files that intake rejected. */
export function sitesTable(report: Report): Markup {
  const tasks = report.tasks.filter(({ id }) => report.sites.some(({ labelled }) => (labelled[id] ?? 0) > 0));
  const total = (of: (site: Report['sites'][number]) => number) =>
    report.sites.reduce((sum, site) => sum + of(site), 0);
  const numbers = (cells: readonly Content[]) => cells.map((cell) => html`<td class="number">${cell}</td>`);
  return html`<section aria-labelledby="sites"><h2 id="sites">What the hospitals hold</h2><div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Hospital</th><th scope="col" class="number">training CTs</th>${tasks.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)}<th scope="col" class="number">held-out CTs</th><th scope="col" class="number">rejected</th></tr></thead>
<tbody>${report.sites.map((site) => html`<tr><th scope="row">${site.name}</th>${numbers([site.cases.training, ...tasks.map(({ id }) => site.labelled[id] ?? 0), site.cases.evaluation, site.cases.rejected])}</tr>`)}</tbody>
<tfoot><tr><th scope="row">Sum</th>${numbers([total(({ cases }) => cases.training), ...tasks.map(({ id }) => total(({ labelled }) => labelled[id] ?? 0)), total(({ cases }) => cases.evaluation), total(({ cases }) => cases.rejected)])}</tr></tfoot></table></div>
<p class="muted">Task columns count training CTs with that label. The images never leave their hospital's bucket.</p>${suspicion(total(({ cases }) => cases.suspected ?? 0))}${rejectedTable(report)}</section>`;
}

const suspicion = (pairs: number): Markup =>
  pairs === 0
    ? html``
    : html`<p><b>${counted(pairs, 'pair')} of a training CT and a held-out CT</b> may be parts of one scan: the held-out scores may be too good. The hospitals' intake logs name the cases.</p>`;

function rejectedTable(report: Report): Markup {
  const names = siteNames(report);
  const unread = report.sites.filter(({ id, cases }) => report.unreadSites.includes(id) && cases.rejected > 0);
  const note =
    unread.length > 0 &&
    html`<p class="muted">Files and reasons of ${unread.map(({ name }) => name).join(', ')} are in rejected/ of the hospital's own bucket, which was not read for this report.</p>`;
  if (report.rejected.length === 0) return note || html`<p>No file was rejected.</p>`;
  return html`<h3>Rejected files</h3><div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Hospital</th><th scope="col">File</th><th scope="col">Why, and what to do</th></tr></thead>
<tbody>${report.rejected.map(({ site, key, reason, hint }) => html`<tr><th scope="row">${names.get(site) ?? site}</th><td><code>${key}</code></td><td>${reason}${hint && html` <span class="muted">${hint}</span>`}</td></tr>`)}</tbody></table></div>${note}`;
}

/** Whose updates each stage merged, and why those of others are missing. */
export function coverageTable(report: Report): Markup {
  const names = siteNames(report);
  const rows = report.stages.flatMap((stage) => coveredRounds(stage).map((covered) => ({ stage, covered })));
  if (rows.length === 0) return html``;
  const excluded = ({ excluded }: Coverage) =>
    excluded.length === 0
      ? '–'
      : html`<ul>${excluded.map(({ site, why, reason }) => html`<li>${names.get(site) ?? site}: <span class="${why === 'no data' ? 'muted' : 'bad'}">${why}</span>, ${exclusionReason({ why, reason })}</li>`)}</ul>`;
  return html`<section aria-labelledby="coverage"><h2 id="coverage">Who is in the models</h2><div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Stage</th><th scope="col">Rounds</th><th scope="col">Merged</th><th scope="col">Not in it, and why</th></tr></thead>
<tbody>${rows.map(({ stage, covered }) => html`<tr><th scope="row">${stage.name}</th><td>${roundsText(covered)}</td><td>${coverageText(covered.coverage)}</td><td>${excluded(covered.coverage)}</td></tr>`)}</tbody></table></div>
<p class="muted">Share of the cases that the participants could use in the round, as their sites counted them when it opened.</p></section>`;
}

/** The timeline with its legend. */
export function eventsTimeline(report: Report): Markup {
  if (report.timeline.length === 0) return html``;
  const kinds = new Map(report.stages.map(({ name, kind }) => [name, kind]));
  const lanes = [{ id: 'coordinator', name: 'Coordinator' }, ...report.sites.map(({ id, name }) => ({ id, name }))];
  const shown = [...new Set(report.stages.map(({ kind }) => kind))];
  return html`<section aria-labelledby="timeline"><h2 id="timeline">What happened when</h2>
<p class="muted legend"><span><i class="swatch upload"></i>upload</span><span><i class="swatch intake"></i>intake</span><span><i class="swatch rejected"></i>rejected</span>${shown.map((kind) => html`<span><i class="swatch kind-${kind}"></i>${KIND_TITLES[kind]}</span>`)}<span>● update</span><span>◆ commit</span>${report.timeline.some(({ kind }) => kind === 'failure') && html`<span class="bad">✕ failed task</span>`}</p>
<div class="scroll wide" tabindex="0">${timeline(report.timeline, lanes, (stage) => kinds.get(stage) ?? 'other')}</div></section>`;
}

/** Every commit with the updates that it merged, collapsed: for auditors. */
export function commitsTable(report: Report): Markup {
  return html`<section aria-labelledby="commits"><h2 id="commits">Rounds and commits</h2><details><summary>${counted(
    report.stages.reduce((sum, { commits }) => sum + commits.length, 0),
    'commit',
  )} in ${counted(report.stages.length, 'stage')}: the audit trail</summary><div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Stage</th><th scope="col" class="number">round</th><th scope="col">merged from</th><th scope="col" class="number">samples</th><th scope="col" class="number">loss</th><th scope="col" class="number">longest task</th><th scope="col">SHA-256 of the commit</th></tr></thead>
<tbody>${report.stages.flatMap(commitRows)}</tbody></table></div></details>${chainResult(report)}</section>`;
}

function chainResult({ chain, campaign }: Report): Markup {
  if (!chain)
    return html`<p class="muted">The chain was not verified for this report: <code>npx fedcardio campaign verify ${campaign}</code> recomputes it, while the federation's storage is reachable.</p>`;
  if (chain.faults.length === 0)
    return html`<p>Verified: all ${chain.rounds} committed rounds match their updates.</p>`;
  return html`<p class="bad">Not verified: ${counted(chain.faults.length, 'fault')}.</p><ul>${chain.faults.map((fault) => html`<li>${fault}</li>`)}</ul>`;
}

const commitRows = (stage: StageReport): readonly Markup[] =>
  stage.commits.map(
    (commit) =>
      html`<tr><th scope="row">${stage.name}</th><td class="number">${commit.round}</td><td>${commit.updates
        .map(({ site }) => site)
        .join(
          ', ',
        )}${notMerged(commit)}</td><td class="number">${commit.samples}</td><td class="number">${significant(commit.figures.loss)}</td><td class="number">${clock(Math.max(0, ...commit.updates.map(({ seconds }) => seconds)))}</td><td><code title="${commit.sha256}">${commit.sha256.slice(0, 16)}</code></td></tr>`,
  );

/** Which sites' updates were not merged as they were sent, and why. */
function notMerged({ failed, clipped, limited, shortened = [], late = [], withdrawn = 0 }: CommitReport): Markup {
  const reasons = (of: CommitReport['failed']) => of.map(({ site, reason }) => `${site} (${reason})`);
  const remark = (what: string, sites: readonly string[], style: 'bad' | 'muted') =>
    sites.length > 0 && html` <span class="${style}">${what}: ${sites.join(', ')}</span>`;
  const scaled = clipped.map(({ site, factor }) => `${site} (by ${significant(factor)})`);
  const less = limited.map(
    ({ site, samples, counted }) => `${site} (as ${significant(counted)} cases instead of ${samples})`,
  );
  const short = shortened.map(({ site, steps, of }) => `${site} (after ${steps} of ${of} steps)`);
  return html`${remark('failed', reasons(failed.filter((of) => !isWithoutData(of))), 'bad')}${remark('nothing to learn from', reasons(failed.filter(isWithoutData)), 'muted')}${remark('scaled down', scaled, 'bad')}${remark('counted less', less, 'bad')}${remark('out of time', short, 'muted')}${remark('late, from the round before', late, 'muted')}${withdrawn > 0 && html` <span class="bad">${counted(withdrawn, 'case')} withdrawn since</span>`}`;
}

const siteNames = (report: Report): ReadonlyMap<string, string> =>
  new Map(report.sites.map(({ id, name }) => [id, name]));
