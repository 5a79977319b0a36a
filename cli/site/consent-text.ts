import type { Consent } from '../../lib/federation/schemas.ts';
import { printable } from '../../lib/printable.ts';
import { isOver } from '../../lib/protocol/consent/terms.ts';
import { counted } from '../../lib/report/format.ts';
import { instant } from '../campaign/times.ts';
import { table } from '../table.ts';

/** Answers of a site as a table, those that wait for a person first. */
export function consentsText(site: string, consents: readonly Consent[], now: Date, command: string): string {
  if (consents.length === 0) return `No campaign has asked ${site} yet.`;
  const sorted = consents.toSorted((a, b) => Number(b.state === 'asked') - Number(a.state === 'asked'));
  const rows = sorted.map((one) => [
    one.campaign,
    stateOf(one, now),
    one.state === 'asked' ? '' : printable(one.by),
    instant(one.at),
    one.until === null ? '' : instant(one.until),
  ]);
  return [
    ...table(['campaign', 'answer', 'by', 'since, UTC', 'until, UTC'], rows),
    '',
    `What a campaign asks, and how to answer: ${command}`,
  ].join('\n');
}

const stateOf = (consent: Consent, now: Date): string =>
  consent.state === 'agreed' && isOver(consent, now)
    ? 'ended'
    : consent.state === 'asked'
      ? 'waits for you'
      : consent.state;

/** What a campaign asks, and the site's answer. */
export function consentText(consent: Consent, now: Date): string {
  const { campaign, terms, limits, by, reason, until } = consent;
  const rows = terms.stages.map(({ name, kind, tasks, rounds, leaves }) => [
    name,
    kind,
    tasks.join(', '),
    `${rounds}`,
    leaves.join(', '),
  ]);
  const who = consent.state === 'asked' ? '' : ` (${printable(by)}, ${instant(consent.at)} UTC)`;
  return [
    `${campaign}: ${stateOf(consent, now)}${who}${reason === undefined ? '' : `: ${printable(reason)}`}`,
    ...(until === null ? [] : [`until ${instant(until)} UTC`]),
    `purpose: ${terms.purpose === null ? 'not stated' : printable(terms.purpose)}`,
    `plan: ${consent.plan}`,
    '',
    ...table(['stage', 'kind', 'tasks', 'rounds', 'what leaves'], rows),
    '',
    ...limitLines(limits),
    ...privacyLines(terms.privacy),
  ].join('\n');
}

const SCORES = {
  cases: 'scores of single cases may leave, without names',
  aggregates: 'scores leave as means of several cases only',
  none: 'no scores leave',
} as const;

/** What a site's limits mean, a line each. */
export const limitLines = ({ scores, figures, minimumCases, budget }: Consent['limits']): readonly string[] => [
  `- ${SCORES[scores]}`,
  figures ? `- figures leave if they are about at least ${counted(minimumCases, 'case')}` : '- no figures leave',
  ...(budget ? [`- privacy budget: ε ${budget.epsilon} at δ ${budget.delta}, over all campaigns`] : []),
];

function privacyLines(privacy: Consent['terms']['privacy']): readonly string[] {
  const { secureAggregation, differentialPrivacy: noise } = privacy ?? {};
  const epsilon = noise?.epsilon === undefined ? '' : `: ε ${noise.epsilon} at δ ${noise.delta}`;
  return [
    secureAggregation
      ? '- secure aggregation: the coordinator sees the sum of all updates, no single one'
      : '- the coordinator sees the weights of each site',
    noise ? `- differential privacy${epsilon}` : '- no noise is added to the weights',
  ];
}
