import { federationKeys } from '../../lib/federation/keys.ts';
import {
  type Open,
  openedSchema,
  openSchema,
  type Seal,
  sealSchema,
  stepMessageSchema,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import { answerStep } from '../../lib/protocol/secure/answer-step.ts';
import { maskUpdate } from '../../lib/protocol/secure/mask-update.ts';
import { mutable } from '../../lib/protocol/secure/mutable.ts';
import { openMasks } from '../../lib/protocol/secure/open-masks.ts';
import { publishSurvivors } from '../../lib/protocol/secure/survivors.ts';
import { stageStart } from '../../lib/protocol/stage-start.ts';
import { createJson, readJson } from '../../lib/storage/documents.ts';
import { encodeSafetensors } from '../../lib/weights/safetensors.ts';
import type { WeightTensor } from '../../lib/weights/weights.ts';
import type { setUpCohort } from './cohort.ts';
import type { RoundJob } from './round-process.ts';

/** Rounds that are ready to be merged, and what they cost the sites. */
export interface Prepared {
  readonly jobs: Readonly<Record<string, Omit<RoundJob, 'endpoint' | 'bucket'>>>;
  readonly parameters: number;
  /** To mask one update. */
  readonly siteSeconds: number;
  readonly updateMB: number;
  readonly messageKB: number;
}

type Cohort = Awaited<ReturnType<typeof setUpCohort>>;

/** Makes the updates of a plain round, of a masked one, and of one with drop-outs, and lets the sites open the masks. */
export async function prepareRounds(cohort: Cohort, dropOuts: number): Promise<Prepared> {
  const { federationStore, siteStore, names, plan, message, now, log } = cohort;
  const { layout, tensor } = await stageStart(federationStore, plan, 'teacher');
  const start = new Map<string, WeightTensor>();
  for (const [name, { shape }] of layout) start.set(name, { dtype: 'F32', shape, data: await tensor(name) });
  const from = async (name: string) => start.get(name)?.data as Float32Array;
  const base = await stored(encodeSafetensors(start), (sha256) =>
    federationKeys.global({ campaign: 'bench', stage: 'teacher', round: 9 }, sha256),
  );
  let [siteSeconds, messageKB, updateMB] = [0, 0, 0];

  async function stored(file: Uint8Array, keyOf: (sha256: string) => ReturnType<typeof federationKeys.open>) {
    const sha256 = sha256Hex(file);
    const key = keyOf(sha256);
    await federationStore.put(key, file);
    return { key, sha256, bytes: file.length };
  }

  /** A site's weights after training: every value is changed a little. */
  const trained = (index: number) =>
    new Map(
      [...start].map(([name, one]) => [name, { ...one, data: one.data.map((value) => value * (1 + index / 1000)) }]),
    );

  async function roundOf(round: number, masked: boolean, sites: readonly string[]) {
    const at = { campaign: 'bench', stage: 'teacher', round };
    const { schema: _, federation, site, resent, secure, ...terms } = message('site-00');
    const open: Open = openSchema.parse({
      ...terms,
      ...at,
      schema: 'fedcardio.open/1',
      base: { commit: base.sha256, ...base, state: null },
      ...(masked && { secure }),
      participants: names.map((name) => ({ site: name, samples: 300, summary: '' })),
      quorum: sites.length,
      previous: base.sha256,
    });
    await createJson(federationStore, federationKeys.open(at), openSchema, open);
    const updates: Seal['updates'] = [];
    for (const [index, name] of sites.entries()) {
      const weights = trained(index);
      const started = performance.now();
      const result = masked
        ? await maskUpdate(
            siteStore(name),
            { ...message(name), round },
            { plan: cohort.document.cohort.plan, weights, untrained: [], samples: 300, from, layout },
          )
        : { bytes: encodeSafetensors(weights), message: undefined };
      if (masked) siteSeconds = (performance.now() - started) / 1000;
      updateMB = result.bytes.length / 1e6;
      const file = await stored(result.bytes, (sha256) => federationKeys.updateWeights(at, name, sha256));
      const key = federationKeys.update(at, name, file.sha256);
      if (result.message) messageKB = Buffer.byteLength(canonicalJson(result.message)) / 1e3;
      const update = await createJson(federationStore, key, updateSchema, {
        ...{ schema: 'fedcardio.update/1', ...at, site: name, at: now().toISOString(), status: 'ok', samples: 300 },
        weights: { ...file, delta: masked },
        ...(result.message && { secure: mutable(result.message) }),
        ...{ base: base.sha256, figures: {}, seconds: 1 },
      });
      const commitment = result.message?.content.commitment;
      const entry = { site: name, key, sha256: update.sha256, samples: 300, weights: file };
      updates.push({ ...entry, ...(commitment !== undefined && { commitment }) });
    }
    if (!masked) return { open, updates };
    const seal = {
      schema: 'fedcardio.seal/1' as const,
      ...at,
      at: now().toISOString(),
      open: base.sha256,
      updates,
      failed: [],
    };
    await createJson(federationStore, federationKeys.seal(at), sealSchema, seal);
    await publishSurvivors({ federationStore, now }, open, seal);
    const waiting: string[] = [];
    const context = {
      federationStore,
      federation: { schema: 'fedcardio.federation/1' as const, id: 'heart', sites: [] },
      queues: { send: async (_queue: string, body: string) => void waiting.push(body) },
      now,
      log,
    };
    const document = { value: plan, sha256: cohort.document.cohort.plan };
    for (let i = 0; i < 3; i++) {
      await openMasks(context, document, at, 0);
      for (const body of waiting.splice(0)) await answerStep(cohort, stepMessageSchema.parse(JSON.parse(body)));
    }
    const opened = (await readJson(federationStore, federationKeys.opened(at), openedSchema)).value;
    return { open, updates, opened };
  }

  const jobs = {
    plain: await roundOf(1, false, names),
    masked: await roundOf(2, true, names),
    'drop-outs': await roundOf(3, true, names.slice(0, names.length - dropOuts)),
  };
  const parameters = [...start.values()].reduce((sum, { data }) => sum + data.length, 0);
  return { jobs, parameters, siteSeconds, updateMB, messageKB };
}
