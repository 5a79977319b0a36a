import type { HandlerContext } from '../../handlers/context.ts';
import { federationKeys, parseUpdateKey, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Open } from '../../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import { trains } from '../../lib/protocol/plan.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { encodeSafetensors } from '../../lib/weights/safetensors.ts';
import { type History, jsonOf } from './history.ts';
import { type SimulatedSite, summaryOf } from './simulated-site.ts';

/** What a hostile site does with the access of its GPU tasks and its intake. None of it may be merged, and none may harm the others. */
export const ATTACKS = [
  'oversized',
  'malformed',
  'mislabelled',
  'prototype-keys',
  'wrong-hash',
  'wrong-bytes',
  'wrong-shape',
  'wrong-samples',
  'wrong-validation',
  'not-open',
  'own-refusal',
  'replace',
  'flood',
  'summary',
] as const;
export type Attack = (typeof ATTACKS)[number];

/** Objects of a flood, and how many of them are updates, each with an event. */
const FLOOD = { objects: 500, updates: 25 };
/** One byte more than a document of a site may have. */
const OVERSIZED = ' '.repeat(2 ** 20 + 1);
/**
 * None claims to be of a newer release: by decision 035 a round or campaign that would fail then waits for an upgrade, which
 * the model does not know.
 */
const MALFORMED = ['', '{', 'null', '[]', '"x"', '\ud800', '['.repeat(10_000)];

interface AttackContext extends Pick<HandlerContext, 'now'> {
  /** With the access of the site's GPU tasks. */
  readonly federationStore: FederationStore;
  /** With the access of the site's intake. */
  readonly intakeStore: FederationStore;
  readonly history: History;
  /** Called before an answer is written that a round may merge, whatever its site means by it. */
  readonly onUsable: (key: string) => void;
}

/** Attacks a round that was opened. `variant` chooses among forms of an attack. */
export async function attackRound(
  context: AttackContext,
  { id, samples }: SimulatedSite,
  at: RoundAddress,
  { attack, variant }: { readonly attack: Attack; readonly variant: number },
): Promise<void> {
  const { federationStore, intakeStore, history, now, onUsable } = context;
  const { base, config } = jsonOf<Open>(history.at(federationKeys.open(at))!);
  const own = (round: RoundAddress, name: string) => federationKeys.update(round, id, `${name}-${variant}`);
  const oneOf = <T>(values: readonly T[]): T => values[variant % values.length] as T;

  /** Stores weights and an update that would be right, but for `change` and the bytes of the file. */
  async function lie(change: object, file = fileOf(3), sha256 = sha256Hex(file), round = at): Promise<void> {
    const key = federationKeys.updateWeights(round, id, sha256);
    const update = {
      schema: 'fedcardio.update/1',
      ...round,
      site: id,
      at: now().toISOString(),
      status: 'ok',
      samples,
      weights: { key, sha256, bytes: file.length, delta: false },
      base: base?.sha256 ?? null,
      figures: { loss: 1 },
      seconds: 1,
      ...change,
    };
    await federationStore.put(key, file);
    await federationStore.putIfAbsent(federationKeys.update(round, id, sha256), canonicalJson(update));
  }
  /** Weights that depend on the lie, so that no two lies have one key. */
  const fileOf = (length: number) => {
    const data = new Float32Array(length).fill(1000 + variant + ATTACKS.indexOf(attack) / 16);
    return encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [length], data }]]));
  };

  switch (attack) {
    case 'oversized':
      await federationStore.put(own(at, 'oversized'), OVERSIZED);
      return;
    case 'malformed':
      await federationStore.put(own(at, 'malformed'), oneOf(MALFORMED));
      return;
    case 'mislabelled':
      return lie(oneOf([{ site: 'site-0' }, { round: at.round + 1 }, { campaign: 'other' }, { stage: 'other' }]));
    case 'prototype-keys': {
      const change = oneOf([
        '{"constructor":1}',
        '{"figures":{"toString":1}}',
        '{"weights":{"__proto__":{}}}',
        '{"status":{"__proto__":1}}',
      ]);
      const file = fileOf(3);
      // A field that this release does not know is passed over, and any name may be a figure's.
      const isUsable = trains(config, at.round) && /constructor|toString/.test(change);
      if (isUsable) onUsable(federationKeys.update(at, id, sha256Hex(file)));
      return lie(JSON.parse(change), file);
    }
    case 'wrong-hash':
      return lie({}, fileOf(3), sha256Hex(`other ${variant}`));
    case 'wrong-bytes':
      return lie({ weights: { ...weightsOf(at, id, fileOf(3)), bytes: oneOf([0, 1, 2 ** 40]) } });
    case 'wrong-shape':
      // In a first round the layout of all sites is decided together, which has tests of its own.
      return base ? lie({}, fileOf(oneOf([1, 4, 100]))) : undefined;
    case 'wrong-samples':
      return lie({ samples: oneOf([samples + 1_000_000, -1, 0.5, '7', null, 1e300]) });
    case 'wrong-validation': {
      const report = { loss: 0, cases: 1 };
      const wrong = [{ loss: 1e7 }, { loss: -1e300 }, { loss: '0' }, { cases: 0 }, { cases: samples + 1_000_000 }];
      return lie({ validation: oneOf([null, [], ...wrong.map((change) => ({ ...report, ...change }))]) });
    }
    case 'not-open':
      return lie(
        {},
        fileOf(3),
        undefined,
        oneOf([
          { ...at, round: at.round + 1 },
          { ...at, stage: 'other' },
          { ...at, campaign: 'x' },
        ]),
      );
    case 'own-refusal': {
      const key = own(at, 'refused');
      await federationStore.put(key, '{');
      await federationStore.put(federationKeys.refusal(key), oneOf(MALFORMED));
      return;
    }
    case 'replace':
      return replaceSealed(context, id, at);
    case 'flood':
      for (let i = 0; i < FLOOD.objects; i++) {
        const key = own(at, `junk-${String(i).padStart(3, '0')}`);
        await federationStore.put(i < FLOOD.updates ? key : federationKeys.refusal(key), '{');
      }
      return;
    case 'summary':
      await intakeStore.put(federationKeys.summary(id), oneOf([OVERSIZED, ...MALFORMED, ...wrongSummaries(id, now())]));
  }
}

/** Summaries of another site, and with counts that no site can have. */
const wrongSummaries = (id: string, now: Date): readonly string[] => [
  canonicalJson(summaryOf({ id: 'site-0', samples: 5 }, now)),
  ...['1e300', '9007199254740993', '1000000001', '-1', '0.5', '"7"', 'null', '{"__proto__":7}'].map((count) =>
    canonicalJson(summaryOf({ id, samples: 7 }, now)).replaceAll(':7', `:${count}`),
  ),
];

const weightsOf = (at: RoundAddress, site: string, file: Uint8Array) => {
  const sha256 = sha256Hex(file);
  return { key: federationKeys.updateWeights(at, site, sha256), sha256, bytes: file.length, delta: false };
};

/** Replaces what a site has sent to a round that is sealed. */
async function replaceSealed({ federationStore, history }: AttackContext, site: string, at: RoundAddress) {
  if (!history.at(federationKeys.seal(at))) return;
  for (const key of [...history.keys()]) {
    const update = parseUpdateKey(key);
    if (!update?.id || update.site !== site) continue;
    if (federationKeys.round(update.at) !== federationKeys.round(at)) continue;
    const replaced = federationKeys.update(at, site, update.id);
    await federationStore.put(replaced, '{');
    if (history.at(federationKeys.weightsBeside(replaced))) {
      await federationStore.put(federationKeys.weightsBeside(replaced), 'x');
    }
  }
}
