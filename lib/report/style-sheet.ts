import type { ModelRole, ReportedKind } from './report.ts';

type Colour = readonly [light: string, dark: string];

/** Colours of stage kinds on a light and on a dark page. */
const KIND_COLOURS: Readonly<Record<ReportedKind, Colour>> = {
  teacher: ['#5b6b7f', '#94a5ba'],
  student: ['#0b6bcb', '#5aaeff'],
  control: ['#b8610b', '#f0a04b'],
  'pseudo-label': ['#7a4fc4', '#b597f2'],
  probe: ['#a8326e', '#f08bbd'],
  evaluate: ['#14806a', '#4fc7ab'],
};

/** A model has the colour of the stage that trains it. */
const ROLE_KINDS: Readonly<Record<ModelRole, ReportedKind>> = {
  teacher: 'teacher',
  student: 'student',
  studentLabelsOnly: 'control',
};

const colours = (theme: 0 | 1): string =>
  Object.entries(KIND_COLOURS)
    .map(([kind, pair]) => `--${kind}: ${pair[theme]};`)
    .join(' ');
const kindRules = Object.keys(KIND_COLOURS)
  .map((kind) => `.kind-${kind} { --kind: var(--${kind}); }`)
  .join(' ');
const roleRules = Object.entries(ROLE_KINDS)
  .map(([role, kind]) => `.role-${role} { --role: var(--${kind}); }`)
  .concat('.role-other { --role: var(--evaluate); }')
  .join(' ');

/** The style sheet of the report: system fonts, light and dark, one column on a phone. It loads nothing. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --paper: #ffffff; --ink: #16202c; --muted: #5a6675; --line: #dfe4ea; --soft: #eef1f5; --edge: rgb(22 32 44 / 0.22);
  ${colours(0)}
  --bad: #b3261e; --good: #14806a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e141b; --paper: #161e27; --ink: #e6ebf1; --muted: #9aa7b6; --line: #2b3641; --soft: #1d2731; --edge: rgb(0 0 0 / 0.6);
    ${colours(1)}
    --bad: #ff8a80; --good: #4fc7ab;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 64px; }
header { margin-bottom: 24px; }
h1 { font-size: clamp(1.6rem, 4vw, 2.2rem); line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.015em; text-wrap: balance; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 8px; letter-spacing: -0.005em; }
h3 { font-size: 1rem; margin: 22px 0 6px; }
p { margin: 0 0 12px; max-width: 76ch; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; margin-bottom: 18px; }
.lead { font-size: 1.1rem; font-weight: 550; text-wrap: pretty; }
.muted { color: var(--muted); font-size: 0.9rem; font-weight: 400; }
.bad { color: var(--bad); }
code { font: 0.86em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 12px 0 0; padding: 0; list-style: none; color: var(--muted); font-size: 0.92rem; }
.facts b { color: var(--ink); font-weight: 600; }
.notice { border-left: 3px solid var(--control); padding: 2px 0 2px 12px; margin: 14px 0 0; color: var(--muted); font-size: 0.92rem; }


.failures { border-left: 3px solid var(--bad); padding: 2px 0 2px 12px; margin: 10px 0 0; font-size: 0.92rem; }
.failures summary { color: var(--bad); } .failures ul { margin: 6px 0; padding-left: 18px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 12px; }
.card { border: 1px solid var(--line); border-top: 4px solid var(--role, var(--line)); border-radius: 8px; padding: 12px 16px 14px; }
.big { font-size: 2.5rem; font-weight: 650; line-height: 1.15; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.card-title { font-weight: 600; }
${roleRules}
.key { display: inline-block; width: 10px; height: 10px; border-radius: 50%; background: var(--role); margin-right: 7px; }

.scroll { overflow-x: auto; background: linear-gradient(to right, var(--paper) 30%, transparent) 0 0 / 36px 100% no-repeat local, linear-gradient(to left, var(--paper) 30%, transparent) 100% 0 / 36px 100% no-repeat local, linear-gradient(to right, var(--edge), transparent) 0 0 / 12px 100% no-repeat scroll, linear-gradient(to left, var(--edge), transparent) 100% 0 / 12px 100% no-repeat scroll; }
.scroll:focus-visible { outline: 2px solid var(--student); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.94rem; }
th, td { text-align: left; padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-size: 0.86rem; vertical-align: bottom; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.group th { font-weight: 600; padding-top: 16px; }
.comparison tbody th[scope="row"] { white-space: nowrap; }
details summary { cursor: pointer; }
details[open] summary { margin-bottom: 10px; }

.chart { display: block; width: 100%; height: auto; overflow: visible; font-family: inherit; }
.grid { stroke: var(--line); stroke-width: 1; }
.tick { fill: var(--muted); font-size: 11px; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.value { fill: var(--ink); font-size: 12px; font-weight: 600; stroke: var(--paper); stroke-width: 3; paint-order: stroke; }
.grid-of-charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 20px; }
figure { margin: 0; }
.grid-of-charts figcaption .muted { display: block; }
.thin polyline { fill: none; stroke: var(--muted); stroke-width: 1; opacity: 0.5; }
.thin circle { fill: var(--muted); opacity: 0.5; }
.thin:hover polyline, .thin:hover circle { opacity: 1; stroke-width: 2; }
.thick polyline { fill: none; stroke: var(--kind); stroke-width: 2.5; stroke-linejoin: round; }
.thick circle { fill: var(--kind); stroke: var(--paper); stroke-width: 1.5; }
${kindRules} .kind-other { --kind: var(--muted); }

.dumbbell { max-width: 760px; } .dumbbell th, .dumbbell td { vertical-align: middle; padding-block: 4px; border: 0; }
.dumbbell .axis { width: 55%; } .axis span:last-child { float: right; }
.track div { position: relative; height: 14px; margin: 0 7px; background: linear-gradient(var(--line), var(--line)) 0 50% / 100% 1px no-repeat; }
.track i { position: absolute; top: 50%; translate: 0 -50%; }
.dot { width: 12px; height: 12px; border-radius: 50%; margin-left: -6px; background: var(--role); } .dot.hollow { background: var(--paper); border: 2.5px solid var(--role); }
.gain { height: 3px; background: var(--student); opacity: 0.45; } .loss { height: 3px; background: var(--control); opacity: 0.45; }
@media (max-width: 560px) { .dumbbell, .dumbbell tbody, .dumbbell tr { display: block; } .dumbbell thead { display: none; } .dumbbell tr { display: grid; grid-template-columns: 1fr auto; padding: 4px 0; } .dumbbell .track { grid-row: 2; grid-column: 1 / -1; padding: 0; } }
.lane-name { fill: var(--ink); font-size: 13px; }
.wide .timeline { min-width: 760px; }
.lane { fill: transparent; } .lane.odd { fill: var(--soft); }
.bar { fill: var(--kind); opacity: 0.75; } .bar:hover { opacity: 1; }
.mark { fill: var(--kind); stroke: var(--paper); stroke-width: 1; }
.mark.rejected { fill: var(--bad); }
.cross-mark { stroke: var(--bad); stroke-width: 2; fill: none; }
.commit-line { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 2 3; opacity: 0.5; }
.tick-mark { stroke-width: 1.5; } .tick-mark.upload { stroke: var(--muted); } .tick-mark.intake { stroke: var(--good); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; max-width: none; }
.legend span { white-space: nowrap; }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; background: var(--kind); }
.swatch.upload { background: var(--muted); width: 3px; } .swatch.intake { background: var(--good); width: 3px; } .swatch.rejected { background: var(--bad); clip-path: polygon(50% 0, 100% 100%, 0 100%); }

.gallery { display: grid; gap: 24px 28px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); }
.cuts { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; }
.cut { display: block; width: 100%; height: auto; background: #000; border-radius: 6px; }
.enlarge { display: block; cursor: zoom-in; }
.enlarge input { position: absolute; opacity: 0; }
.enlarge:focus-within .cut { outline: 2px solid var(--student); outline-offset: 2px; }
.enlarge:has(:checked) { position: fixed; inset: 0; z-index: 1; display: grid; place-items: center; padding: 2vmin; background: rgb(0 0 0 / 0.9); cursor: zoom-out; }
.enlarge:has(:checked) .cut { width: auto; height: 96vh; max-width: 96vw; border-radius: 0; }
.cut-name { fill: #fff; font-size: 6px; opacity: 0.75; }
.case figcaption { margin-top: 8px; }
.ring { fill: none; stroke: #4dffd2; stroke-width: 1.2; }
.cross { fill: none; stroke: #ffb020; stroke-width: 1.4; stroke-linecap: round; }
.contour { fill: none; stroke-width: 1; stroke-linecap: square; } .contour.truth { stroke: #4dffd2; } .contour.predicted { stroke: #ffb020; }
.on-ct { background: #101418; border-radius: 4px; padding: 1px 7px; white-space: nowrap; } .on-ct.truth { color: #4dffd2; } .on-ct.predicted { color: #ffb020; }
.errors { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 2px 0 0; padding: 0; list-style: none; font-size: 0.88rem; color: var(--muted); }
.errors b { color: var(--ink); font-weight: 600; } .errors .far b { color: var(--bad); }
@media (max-width: 560px) { main { padding: 18px 12px 40px; } section { padding: 16px 14px; } .comparison tbody th[scope="row"] { white-space: normal; } }
@media print { body { background: #fff; } section { break-inside: avoid; border: 0; padding: 0; } details:not([open]) { display: none; } }
`;
