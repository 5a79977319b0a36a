import { parseCaseKey, type SiteKey, siteKeys } from '../../../../lib/federation/keys.ts';
import type { PageContext } from '../../context.ts';
import type { Handler } from '../../handler.ts';
import { findingsOf } from '../../hospital/case-findings.ts';
import { indexedCases, tasksOf } from '../../hospital/case-index.ts';
import { pointSets } from '../../hospital/case-points.ts';
import { casePage, faultsOf } from '../../hospital/case-rows.ts';
import { ownSite } from '../../hospital/own-site.ts';
import { Refusal } from '../../http/errors.ts';

/** A page of the site's cases. */
export const siteCases: Handler<'siteCases'> = async (context, { query }) => {
  const [states, tasks] = await Promise.all([indexedCases(context)(query.unread !== undefined), tasksOf(context)]);
  return casePage(states, tasks, query);
};

/** A case with all that is known about it. */
export const siteCase: Handler<'siteCase'> = async (context, { params }) => {
  const { state, verdict, store, tasks } = await caseOf(context, params.case);
  const { findings, unlisted } = await findingsOf(store, state, tasks);
  const { entry, use } = state;
  return {
    case: state.case,
    use,
    verdict,
    ...(entry && {
      image: {
        key: entry.image.key,
        bytes: entry.image.bytes,
        sha256: entry.image.sha256,
        shape: entry.image.shape,
        spacing: entry.image.spacing,
        orientation: entry.image.orientation,
        range: entry.image.range,
        at: entry.at,
      },
    }),
    findings: [...findings],
    unlisted: [...unlisted],
    faults: [...faultsOf(state)],
  };
};

/** The landmarks of a case. Reads its class maps, which takes seconds for large ones. */
export const sitePoints: Handler<'sitePoints'> = async (context, { params }) => {
  const { state, store, tasks } = await caseOf(context, params.case);
  const caseId = parseCaseKey(state.files[0]?.key ?? '')?.caseId ?? state.case;
  const { findings } = await findingsOf(store, state, tasks);
  return { sets: await pointSets(store, caseId, findings, tasks) };
};

async function caseOf(context: PageContext, id: string) {
  const { store } = ownSite(context);
  const [{ cases, unread }, tasks] = await Promise.all([indexedCases(context)(), tasksOf(context)]);
  const state = cases.find((one) => one.case === id);
  if (!state) throw new Refusal(404, 'NOT_FOUND', 'This site has no such case.', 'It may have been withdrawn.');
  return { store, tasks, state, verdict: unread.has(id) ? ('unread' as const) : state.verdict };
}

/** What the page draws: CTs and class maps, of cases and derived from them. */
const DRAWN = /^(cases|held-out|pseudo-labels|predictions)\/.+\.nii(\.gz)?$/;
/** Most bytes of a volume as stored. Intake accepts no larger one. */
const MAX_VOLUME = 2.5 * 1024 ** 3;

/** A CT or class map of this site's own bucket. */
export const siteVolume: Handler<'siteVolume'> = async (context, { query: { key } }) => {
  const { store } = ownSite(context);
  if (!DRAWN.test(key)) {
    throw new Refusal(403, 'FORBIDDEN', 'Only CTs and class maps of this site are shown.');
  }
  const known: SiteKey = siteKeys.ofEvent(key);
  const info = await store.head(known);
  if (!info) throw new Refusal(404, 'NOT_FOUND', 'It is not stored any more.');
  if (info.bytes > MAX_VOLUME) throw new Refusal(413, 'TOO_LARGE', 'It is too large to be shown.');
  return { type: 'application/octet-stream', body: await store.stream(known), bytes: info.bytes };
};
