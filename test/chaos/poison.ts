import { gzipSync } from 'node:zlib';
import { createQueues } from '../../lib/aws/queues.ts';
import { siteKeys } from '../../lib/federation/keys.ts';
import { names } from '../../lib/federation/topology.ts';
import { pick, type Random } from '../../lib/random.ts';
import { federationKey, type WorldStores } from './evidence.ts';
import { CAMPAIGN, FEDERATION, isHospital, queuesOf, type SiteId } from './federation.ts';
import type { Damage } from './plan.ts';
import type { World } from './world.ts';

const S3_EVENT = (bucket: string, key: string) =>
  JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: 'us-east-1',
        eventTime: '2026-01-01T00:00:00.000Z',
        eventName: 'ObjectCreated:Put',
        s3: { bucket: { name: bucket }, object: { key, size: 1, eTag: 'x', sequencer: '0' } },
      },
    ],
  });

const ADDRESS = { federation: FEDERATION.id, campaign: CAMPAIGN.id, stage: 'teacher', round: 9999 };

/** Messages that mean nothing, each different by `n`. */
const messages = (site: SiteId, n: number): readonly string[] => [
  `not JSON ${n}`,
  `${n}`,
  `[null, ${n}]`,
  `{"constructor": ${n}}`,
  `{"Records": "none", "n": ${n}}`,
  `{"Records": [{"s3": null}], "n": ${n}}`,
  S3_EVENT(`bucket-of-nobody-${n}`, 'cases/a/image.nii.gz'),
  JSON.stringify({ schema: 'fedcardio.task/1', ...ADDRESS, site: 'nobody', n }),
  JSON.stringify({ schema: 'fedcardio.task/1', ...ADDRESS, federation: 'other', site, n }),
  JSON.stringify({ schema: 'fedcardio.step/1', ...ADDRESS, site, n }),
  `{"schema": "fedcardio.task/1", "round": 1e999, "n": ${n}}`,
  '['.repeat(5000) + n,
  'x'.repeat(200_000) + n,
];

/** A message that means nothing, and its queue. */
interface Letter {
  readonly queue: string;
  readonly body: string;
}

/** Messages for the queues of a site and of the coordinator. */
export const poisonFor = (site: SiteId, random: Random): readonly Letter[] =>
  [
    names.orchestrateQueue(FEDERATION.id),
    names.aggregateQueue(FEDERATION.id),
    queuesOf(site).tasks,
    queuesOf(site).intake,
  ].map((queue) => ({ queue, body: pick(random, messages(site, Math.floor(random() * 1e9))) }));

export async function sendPoison(world: World, site: SiteId, { queue, body }: Letter): Promise<void> {
  const isOnPremises = isHospital(site) && queue === queuesOf(site).intake;
  await createQueues({ endpoint: world.endpointOf(isOnPremises ? site : 'cloud') }).send(queue, body);
}

const garbage = (random: Random, bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
const hex = (random: Random): string => garbage(random, 32).toString('hex');

/** Writes files below a site's prefix that nobody has asked for, and that stand for no answer to a round of the campaign. */
export async function writeGarbageFiles({ federationStore }: WorldStores, site: SiteId, random: Random): Promise<void> {
  const keys = [
    `updates/${site}/note.txt`,
    `updates/${site}/${CAMPAIGN.id}/student/0002/${hex(random)}.safetensors`,
    `updates/${site}/${CAMPAIGN.id}/student/9999/${hex(random)}.update.json`,
    `updates/${site}/${CAMPAIGN.id}/nothing/0001/${hex(random)}.update.json`,
    `updates/${site}/unknown/teacher/0001/failed.update.json`,
    `sites/${site}/summary.json.bak`,
  ];
  for (const key of keys) await federationStore.put(federationKey(key), garbage(random, 300));
}

/** Adds updates that cannot be used to a round that the site has answered. */
export async function writeGarbageUpdates(
  { federationStore }: WorldStores,
  round: string,
  random: Random,
): Promise<void> {
  for (const body of [
    garbage(random, 500),
    '{"schema":"fedcardio.update/99"}',
    '{"schema":"fedcardio.update/1","__proto__":{}}',
  ]) {
    await federationStore.put(federationKey(`${round}${hex(random)}.update.json`), body);
  }
}

/** A campaign that cannot be read, and how it has to end: `none` if a newer release could read it. */
interface OtherCampaign {
  readonly id: string;
  readonly body: string | Uint8Array;
  readonly ends: 'failed' | 'none';
}

export function otherCampaigns(random: Random): readonly OtherCampaign[] {
  const suffix = hex(random).slice(0, 6);
  const next = { ...CAMPAIGN, id: `next-${suffix}`, schema: 'fedcardio.campaign/2' };
  return [
    { id: `bad-${suffix}`, body: garbage(random, 200), ends: 'failed' },
    { id: next.id, body: JSON.stringify(next), ends: 'none' },
  ];
}

export async function startOtherCampaign({ federationStore }: WorldStores, { id, body }: OtherCampaign): Promise<void> {
  await federationStore.put(federationKey(`campaigns/${id}/campaign.json`), body);
}

/** Uploads a case that must be rejected. */
export async function uploadDamaged(
  { siteStore }: WorldStores,
  site: SiteId,
  id: string,
  damage: Damage,
  image: Buffer,
  random: Random,
): Promise<void> {
  const store = siteStore(site);
  const files: Readonly<Record<Damage, Uint8Array>> = {
    'cut off': image.subarray(0, image.length >> 1),
    'random bytes': garbage(random, 4000),
    empty: new Uint8Array(),
    'not gzipped': Buffer.from('SIMPLE  =                    T'.repeat(100)),
    'damaged label': gzipSync(garbage(random, 1000)),
    'copy of another case': image,
  };
  await store.put(siteKeys.image('training', id), files[damage]);
  if (damage !== 'damaged label') return;
  await store.put(siteKeys.markups('training', id, 'hinge-points'), garbage(random, 1000));
}
