import type { Committed, Evidence, Recorded } from './evidence.ts';
import { CASES, HOSPITALS, SITES } from './federation.ts';

/** What the adversary did that the end has to account for. */
export interface Expectation {
  /** Of the quiet run. */
  readonly commits: readonly Committed[];
  /** ETags of what sites derived in the quiet run: pseudo-labels. */
  readonly derived: Readonly<Record<string, string>>;
  /** Uploads that must not be used, as "site/case". */
  readonly damaged: readonly string[];
  /** Bodies of messages that mean nothing. */
  readonly poison: readonly string[];
  /** Campaigns that nobody can read, and how each must end: `failed`, or `none` if a newer release could read it. */
  readonly otherCampaigns: Readonly<Record<string, 'failed' | 'none'>>;
  /** A site whose answer the adversary has made impossible. */
  readonly removed?: string;
}

/** Everything that is wrong at the end of a campaign; empty if nothing is. */
export function violations(evidence: Evidence, expected: Expectation): readonly string[] {
  return [
    ...evidence.faults,
    ...endFaults(evidence, expected),
    ...evidence.verified.map((fault) => `verify: ${fault}`),
    ...caseFaults(evidence, expected),
    ...recordFaults(evidence),
    ...objectFaults(evidence),
    ...messageFaults(evidence, expected),
    ...sentFaults(evidence),
    ...otherFaults(evidence, expected),
  ];
}

/** The campaign has completed with the bytes of the quiet run, or failed because of the site that was removed. */
function endFaults({ outcome, commits, objects }: Evidence, expected: Expectation): readonly string[] {
  const { removed } = expected;
  if (outcome.status === 'completed') {
    if (removed !== undefined) return [`${removed} was not removed: the campaign has completed`];
    const derived = derivedOf(objects);
    return [
      ...differences(commits, expected.commits),
      ...Object.entries(expected.derived).flatMap(([key, etag]) =>
        derived[key] === etag ? [] : [`${key} is ${derived[key] ?? 'missing'}, ${etag} without the adversary`],
      ),
    ];
  }
  const { reason: why = 'no reason' } = outcome;
  if (outcome.status === 'failed' && removed !== undefined) {
    const isNamed = why.includes(removed) && /SIGKILL/.test(why);
    const reason = isNamed ? [] : [`the outcome does not name ${removed} and the cause: ${why}`];
    return [...reason, ...differences(commits, expected.commits.slice(0, commits.length))];
  }
  return [`the campaign ended as ${outcome.status}: ${why}`];
}

/** What sites have derived from their cases, by bucket and key. */
export const derivedOf = (objects: Evidence['objects']): Evidence['objects'] =>
  Object.fromEntries(
    Object.entries(objects).filter(([key]) => /^\/[^/]+\/pseudo-labels\/.*\.(nii\.gz|safetensors)$/.test(key)),
  );

function differences(actual: readonly Committed[], expected: readonly Committed[]): readonly string[] {
  const rounds = new Set([...expected, ...actual].map(({ round }) => round));
  return [...rounds].flatMap((round) => {
    const [a, b] = [actual, expected].map((commits) => JSON.stringify(commits.find((one) => one.round === round)));
    return a === b ? [] : [`commit of ${round} is ${a ?? 'missing'}, ${b ?? 'none'} without the adversary`];
  });
}

/** Each upload is in the catalog or rejected, and counted. */
function caseFaults({ cataloged, rejected, summaries }: Evidence, { damaged }: Expectation): readonly string[] {
  return SITES.flatMap((site) => {
    const bad = damaged.flatMap((name) => (name.startsWith(`${site}/`) ? [name.slice(site.length + 1)] : []));
    const good = CASES.map(({ id }) => id);
    const counts = summaries[site]?.cases;
    return [
      ...good.flatMap((id) => (cataloged[site]?.includes(id) ? [] : [`case ${id} of ${site} is not in the catalog`])),
      ...bad.flatMap((id) =>
        cataloged[site]?.includes(id) ? [`damaged case ${id} of ${site} is in the catalog`] : [],
      ),
      ...bad.flatMap((id) => (rejected[site]?.[id] ? [] : [`damaged case ${id} of ${site} is not rejected`])),
      ...(counts?.training === good.length && counts.rejected === bad.length
        ? []
        : [`${site} counts ${JSON.stringify(counts)}, ${good.length} cases and ${bad.length} rejected ones are there`]),
    ];
  });
}

/** Without a record, the checks of objects and messages would find nothing wrong. */
const recordFaults = ({ recorded }: Evidence): readonly string[] =>
  ['answered', 'messages'].flatMap((wanted) =>
    recorded.some(({ kind }) => kind === wanted) ? [] : [`nothing was recorded that is "${wanted}"`],
  );

type Write = Exclude<Recorded, { kind: 'messages' }>;

/** What the storage has confirmed is there, and what was created once has not changed since. */
function objectFaults({ recorded, objects }: Evidence): readonly string[] {
  const writes = new Map<string, Write[]>();
  for (const entry of recorded) {
    if (entry.kind === 'messages') continue;
    writes.set(entry.subject, [...(writes.get(entry.subject) ?? []), entry]);
  }
  return [...writes].flatMap(([key, all]) => {
    const confirmed = all.filter((one) => one.kind === 'answered' && one.method === 'PUT' && isSuccess(one));
    if (confirmed.length === 0 || all.some(({ method }) => method === 'DELETE')) return [];
    const etag = objects[key];
    if (etag === undefined) return [`${key} was stored, and is lost`];
    const asked = all.filter(({ kind, method }) => kind === 'asked' && method === 'PUT').length;
    // An answer that was lost may have been of another version.
    const isKnown = confirmed.some((one) => one.etag === etag) || asked > confirmed.length;
    const created = new Set(confirmed.filter(({ once }) => once).map((one) => one.etag));
    const replaced = all.some(({ method, once }) => method === 'PUT' && !once);
    if (created.size > 1 && !replaced) return [`${key} was created ${created.size} times`];
    if (created.size === 1 && !replaced && !created.has(etag)) return [`${key} was created once, and has changed`];
    return isKnown ? [] : [`${key} is ${etag}, which nobody has stored`];
  });
}

const isSuccess = ({ status = 0 }: Write): boolean => status >= 200 && status < 300;

/** Each message was received by somebody, and dead letters are poison, or hints that nobody refused and whose work is done. */
function messageFaults(
  { recorded, deadLetters, refused, waiting, objects }: Evidence,
  { poison, otherCampaigns }: Expectation,
): readonly string[] {
  const messages = recorded.filter((entry) => entry.kind === 'messages');
  const idsOf = (action: string) =>
    messages
      .filter(({ subject }) => subject.startsWith(`${action} `))
      .flatMap(({ ids, subject }) => ids.map((id) => ({ id, subject })));
  const received = new Set([...idsOf('ReceiveMessage').map(({ id }) => id), ...deadLetters.map(({ id }) => id)]);
  return [
    ...idsOf('SendMessage').flatMap(({ id, subject }) =>
      received.has(id) ? [] : [`${subject}: message ${id} was lost`],
    ),
    ...deadLetters.flatMap(({ queue, id, body }) => {
      if (poison.includes(body)) return [];
      const reason = refused[id];
      if (reason !== undefined) return [`${queue} has a dead letter that was refused: ${reason} ${body.slice(0, 300)}`];
      return isSettled(body, objects, otherCampaigns)
        ? []
        : [`${queue} has a dead letter without an explanation: ${body.slice(0, 300)}`];
    }),
    ...Object.entries(waiting).map(([queue, count]) => `${queue} still has ${count} messages`),
  ];
}

/** Whether what a message hinted at was done all the same, by a sweep or a rescan. */
function isSettled(body: string, objects: Evidence['objects'], others: Expectation['otherCampaigns']): boolean {
  try {
    const message = JSON.parse(body);
    if (/^fedcardio\.(task|step)\//.test(message.schema)) {
      // What a stage asks for before its first round has ended with that round.
      const round = `${message.stage}/${String(message.round ?? 1).padStart(4, '0')}`;
      return hasEnded(`/heart-federation/campaigns/${message.campaign}/`, round, objects);
    }
    const records = message.Records as readonly { s3: { bucket: { name: string }; object: { key: string } } }[];
    return records.every(({ s3 }) => {
      const key = decodeURIComponent(s3.object.key);
      const campaign = /^campaigns\/([^/]+)\//.exec(key)?.[1];
      // What a newer release could read waits for the upgrade; the sweep looks at it every minute.
      return (campaign !== undefined && others[campaign] === 'none') || isDone(s3.bucket.name, key, objects);
    });
  } catch {
    return false;
  }
}

function isDone(bucket: string, key: string, objects: Evidence['objects']): boolean {
  const caseId = /^(?:cases|held-out)\/([^/]+)\//.exec(key)?.[1];
  if (caseId !== undefined) {
    return [`/${bucket}/catalog/${caseId}.json`, `/${bucket}/rejected/${caseId}.json`].some(
      (one) => objects[one] !== undefined,
    );
  }
  const [, update, updated] = /^updates\/[^/]+\/([^/]+)\/(.*\/\d{4})\//.exec(key) ?? [];
  if (update !== undefined && updated !== undefined)
    return hasEnded(`/${bucket}/campaigns/${update}/`, updated, objects);
  const campaign = /^campaigns\/([^/]+)\//.exec(key)?.[1];
  return campaign !== undefined && hasEnded(`/${bucket}/campaigns/${campaign}/`, '', objects);
}

const hasEnded = (campaign: string, round: string, objects: Evidence['objects']): boolean =>
  [`${campaign}outcome.json`, `${campaign}${round}/commit.json`].some((key) => objects[key] !== undefined);

/** What a hospital's log says was stored at the federation is there. */
function sentFaults({ sent, objects }: Evidence): readonly string[] {
  return HOSPITALS.flatMap((site) =>
    (sent[site] ?? []).flatMap(({ state, key }) =>
      state === 'stored' && objects[`/heart-federation/${key}`] === undefined
        ? [`${site} has sent ${key}, and it is lost`]
        : [],
    ),
  );
}

const otherFaults = ({ otherOutcomes }: Evidence, { otherCampaigns }: Expectation): readonly string[] =>
  Object.entries(otherCampaigns).flatMap(([campaign, status]) =>
    otherOutcomes[campaign] === status ? [] : [`campaign ${campaign} is ${otherOutcomes[campaign]}, not ${status}`],
  );
