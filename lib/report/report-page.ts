import { commitsTable, coverageTable, eventsTimeline, learningCurves, sitesTable } from './federation-sections.ts';
import { clock, counted } from './format.ts';
import { type GalleryCase, galleryFigure } from './gallery.ts';
import { html, type Markup, verbatim } from './markup.ts';
import { privacyLines } from './privacy-text.ts';
import type { Report } from './report.ts';
import { comparison, comparisonBySite, headline, scoresBySite } from './result-sections.ts';
import { STYLE } from './style-sheet.ts';
import { caveat, isOnPhantoms, isSmokeTest } from './verdict.ts';
import { isWithoutData } from './without-data.ts';

/** The report as one self-contained HTML page: no script, and nothing is loaded. */
export function reportPage(report: Report, gallery: readonly GalleryCase[]): string {
  const title = `fedcardio: ${counted(report.sites.length, 'hospital')}, one model`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<style>${verbatim(STYLE)}</style></head><body><main>
${pageHead(report)}
${headline(report)}
${
  isSmokeTest(report)
    ? html``
    : html`${comparison(report)}
${comparisonBySite(report)}
${scoresBySite(report)}`
}
${gallerySection(gallery)}
${coverageTable(report)}
${learningCurves(report)}
${sitesTable(report)}
${eventsTimeline(report)}
${commitsTable(report)}
</main></body></html>
`.markup;
}

function pageHead(report: Report): Markup {
  return html`<header><h1>${counted(report.sites.length, 'hospital')}, one heart model</h1>
<p>Federated training on ${isOnPhantoms(report) ? 'synthetic ' : ''}cardiac CTs: every image and label stayed in its hospital's bucket. What left it: model weights, counts of cases and labels, training figures such as the loss, and the scores of ${report.scoredOn ?? 'held-out'} cases, without their names.</p>${unfinished(report)}
<ul class="facts"><li>campaign <b>${report.campaign}</b></li>${report.profile !== undefined && html`<li>profile <b>${report.profile}</b></li>`}<li>state <b>${report.status}</b></li><li>seed <b>${report.seed}</b></li><li>backend <b>${report.backend}</b></li><li>wall time <b>${clock(report.wallSeconds)}</b></li><li>peak memory <b>${report.peakRssMB.toFixed(0)} MB</b> (${report.peakRssOf})</li><li><b>${report.createdAt.slice(0, 16).replace('T', ' ')} UTC</b></li></ul>
${privacyNotice(report)}<p class="notice">${caveat(report)}</p>${failures(report)}</header>`;
}

function privacyNotice(report: Report): Markup | undefined {
  const lines = privacyLines(report);
  return lines.length === 0 ? undefined : html`<p class="notice">${lines.join(' ')}</p>`;
}

function unfinished({ status, reason, createdAt }: Report): Markup | undefined {
  if (status !== 'running' && status !== 'paused') return undefined;
  const why = reason === undefined ? '' : `: ${reason}`;
  return html`<p class="notice"><b>The campaign is ${status}${why}.</b> This report shows what there was at ${createdAt.slice(0, 16).replace('T', ' ')} UTC.</p>`;
}

function gallerySection(gallery: readonly GalleryCase[]): Markup {
  if (gallery.length === 0) return html``;
  return html`<section aria-labelledby="gallery"><h2 id="gallery">What the model sees</h2>
<p class="muted">One unseen case of each hospital. <span class="on-ct truth">◯ truth</span> <span class="on-ct predicted">✕ model</span> Marks fade with their distance from the cut. The patient's right is on the left. Click a picture, or press space on it, to enlarge it and to close it again.</p>
<div class="gallery">${gallery.map(galleryFigure)}</div></section>`;
}

/** Sites that a round did not merge. They are listed at the top because all figures below lack them. */
function failures({ stages, sites }: Report): Markup {
  const names = new Map(sites.map(({ id, name }) => [id, name]));
  const answers = stages.flatMap(({ name: stage, commits }) =>
    commits.flatMap(({ round, failed }) => failed.map((of) => ({ stage, round, ...of }))),
  );
  const lines = (of: typeof answers) =>
    of.map(
      ({ stage, round, site, reason }) =>
        html`<li>${stage}, round ${round}, ${names.get(site) ?? site}: ${reason}</li>`,
    );
  const [without, failed] = [answers.filter(isWithoutData), answers.filter((of) => !isWithoutData(of))];
  const who = [...new Set(without.map(({ site }) => names.get(site) ?? site))].join(', ');
  return html`${failed.length > 0 && html`<details class="failures"><summary>${counted(failed.length, 'task')} failed; the rounds continued without them</summary><ul>${lines(failed)}</ul></details>`}${without.length > 0 && html`<details><summary>${who} had nothing to learn from in ${counted(without.length, 'round')}</summary><ul>${lines(without)}</ul></details>`}`;
}
