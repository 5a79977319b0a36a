import { gunzipSync } from 'node:zlib';
import { sweep } from '../../../handlers/sweep.ts';
import { isFedcardioError } from '../../../lib/error.ts';
import { type FederationKey, federationKeys, type SiteKey, siteKeys } from '../../../lib/federation/keys.ts';
import { commitSchema, openSchema, type Update } from '../../../lib/federation/schemas.ts';
import { image, testSite } from '../../../lib/intake/testing.ts';
import { sha256Hex } from '../../../lib/json.ts';
import { closeRound } from '../../../lib/protocol/close-round.ts';
import { answer, openRoundOf, ROUND } from '../../../lib/protocol/testing.ts';
import { readJson, tryReadJson } from '../../../lib/storage/documents.ts';
import { encodeSafetensors } from '../../../lib/weights/safetensors.ts';
import { asFederationRole } from '../../helpers/roles.ts';
import { smallCampaignWith } from '../../protocol/simulated-campaign.ts';
import { simulateFederation } from '../../protocol/simulated-federation.ts';

/** A document's place in a federation, and what must hold when any bytes are there. */
interface Consequence {
  /** Documents that fit the place. */
  readonly seeds: readonly unknown[];
  /** Throws if the document harms anybody else. */
  readonly check: (body: Uint8Array) => Promise<void>;
}

const SITES = ['berlin', 'hamburg', 'munich'];
const OTHERS = ['hamburg', 'munich'];
const WEIGHTS = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [2], data: Float32Array.of(5, 6) }]]));
const SHA256 = sha256Hex(WEIGHTS);
const AT = '2026-03-02T08:00:00.000Z';

const UPDATE: Update = {
  schema: 'fedcardio.update/1',
  ...ROUND,
  site: 'berlin',
  at: AT,
  status: 'ok',
  samples: 4,
  weights: {
    key: federationKeys.updateWeights(ROUND, 'berlin', SHA256),
    sha256: SHA256,
    bytes: WEIGHTS.length,
    delta: false,
  },
  base: null,
  figures: { loss: 1 },
  seconds: 1,
};
const UPDATE_KEY = federationKeys.update(ROUND, 'berlin', SHA256);

/** A round of three sites with the answers of two, and one more object. It commits with those two at least. */
const inRound = (key: FederationKey, seeds: readonly unknown[]): Consequence => ({
  seeds,
  check: async (body) => {
    const round = await openRoundOf(SITES);
    await answer(round, 'hamburg', [1, 2]);
    await answer(round, 'munich', [3, 4]);
    await round.store.put(federationKeys.updateWeights(ROUND, 'berlin', SHA256), WEIGHTS);
    if (key !== UPDATE_KEY) await round.store.put(UPDATE_KEY, JSON.stringify(UPDATE));
    await round.store.put(key, body);

    const result = await closeRound(round.context, ROUND);

    if (result !== 'committed') throw new Error(`the round is ${result}, not committed`);
    const { sites } = (await readJson(round.store, federationKeys.commit(ROUND), commitSchema)).value;
    if (sites.filter((site) => site !== 'berlin').join() !== OTHERS.join()) throw new Error(`${sites} are merged`);
  },
});

const CAMPAIGN = smallCampaignWith({ minSites: 1 });
const OTHER = { ...CAMPAIGN, id: 'other' };
const FIRST = { campaign: 'tavi', stage: 'teacher', round: 1 };

/** A campaign whose first round is open, and one more object. Sweeps start another campaign with the other sites. */
const inCampaign = (key: FederationKey, seeds: readonly unknown[]): Consequence => ({
  seeds,
  check: async (body) => {
    const world = simulateFederation(SITES.map((id) => ({ id, samples: 3, behaviour: 'good' as const })));
    const context = asFederationRole(world.context, 'sweep');
    const store = world.context.federationStore;
    const isNew = key === federationKeys.campaign('tavi') || key === federationKeys.plan('tavi');
    await world.upload(CAMPAIGN);
    if (!isNew) await sweep(context);
    await store.put(key, body);
    await store.put(federationKeys.campaign('other'), JSON.stringify(OTHER));

    await sweep(context);

    const open = await tryReadJson(store, federationKeys.open({ ...FIRST, campaign: 'other' }), openSchema);
    const sites = open?.value.participants.map(({ site }) => site).filter((site) => site !== 'berlin');
    if (sites?.join() !== OTHERS.join()) throw new Error(`the other campaign opens with ${sites}`);
  },
});

/**
 * A site whose intake finds the document in place of its own: below `prefix`, for its first case. The case and a second
 * one are examined again, and the second is in the catalog and counted.
 */
const inSite = (prefix: SiteKey): Consequence => ({
  seeds: [],
  check: async (body) => {
    const site = testSite();
    const reconcile = async () => {
      await site.reconcile('p7').catch(onlyNewer);
      await site.reconcile('p8');
      await site.summarize();
    };
    await site.put('cases/p7/image.nii', IMAGES[0]);
    await site.put('cases/p7/labels/calcification.nii.gz', IMAGES[0]);
    await reconcile();
    for await (const { key } of site.store.list(prefix)) await site.store.put(key, body);
    // Another version of the same CT, so that all documents are read again.
    await site.put('cases/p7/image.nii', Buffer.concat([IMAGES[0], Buffer.alloc(1)]));
    await site.put('cases/p8/image.nii', IMAGES[1]);

    await reconcile();

    if (!(await site.catalog('p8'))) throw new Error('the other case is not in the catalog');
    const { cases } = await site.summary();
    if (cases.training < 1) throw new Error(`the summary counts ${JSON.stringify(cases)}`);
  },
});

/** A case whose documents only a newer release can read waits for the upgrade. */
function onlyNewer(error: unknown): void {
  if (!isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
}

const IMAGES = [image(1), image(2)].map((file) => gunzipSync(file)) as unknown as readonly [Buffer, Buffer];

/** By the name of the document's schema. */
export const CONSEQUENCES: Readonly<Record<string, Consequence>> = {
  update: inRound(UPDATE_KEY, [UPDATE]),
  refusal: inRound(federationKeys.refusal(UPDATE_KEY), [
    { schema: 'fedcardio.refusal/1', ...ROUND, site: 'berlin', at: AT, update: UPDATE_KEY, reason: 'It is late.' },
  ]),
  lease: inRound(federationKeys.lease(ROUND), [
    { schema: 'fedcardio.lease/1', holder: 'x', until: '2027-03-02T08:00:00.000Z' },
  ]),
  summary: inCampaign(federationKeys.summary('berlin'), [
    {
      schema: 'fedcardio.summary/1',
      site: 'berlin',
      at: AT,
      cases: { training: 3, evaluation: 3, rejected: 0 },
      labelled: { 'hinge-points': 3 },
      labelledEvaluation: {},
    },
  ]),
  campaign: inCampaign(federationKeys.campaign('tavi'), [CAMPAIGN]),
  plan: inCampaign(federationKeys.plan('tavi'), []),
  control: inCampaign(federationKeys.control('tavi'), [
    { schema: 'fedcardio.control/1', campaign: 'tavi', pauses: [{ from: AT, until: null }] },
  ]),
  sent: inCampaign(federationKeys.sent(FIRST), []),
  open: inCampaign(federationKeys.open(FIRST), []),
  seal: inCampaign(federationKeys.seal(FIRST), []),
  commit: inCampaign(federationKeys.commit(FIRST), []),
  outcome: inCampaign(federationKeys.outcome('tavi'), []),
  catalog: inSite(siteKeys.catalogPrefix),
  rejected: inSite(siteKeys.rejectedPrefix),
  content: inSite(siteKeys.ofEvent('content/')),
};
