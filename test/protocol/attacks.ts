import type { HandlerContext } from '../../handlers/context.ts';
import { federationKeys, parseRoundKey, parseUpdateName, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Open } from '../../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import { encodeSafetensors } from '../../lib/weights/safetensors.ts';
import { type History, jsonOf } from './history.ts';
import type { SimulatedSite } from './simulated-site.ts';

/** What a hostile site does with the access of its GPU tasks. None of it may be merged, and none may harm the others. */
export const ATTACKS = [
  'oversized',
  'malformed',
  'mislabelled',
  'prototype-keys',
  'wrong-hash',
  'wrong-bytes',
  'wrong-shape',
  'wrong-samples',
  'not-open',
  'own-refusal',
  'replace',
  'flood',
] as const;
export type Attack = (typeof ATTACKS)[number];

/** Objects of a flood, and how many of them are updates, each with an event. */
const FLOOD = { objects: 500, updates: 25 };
/** One byte more than a document of a site may have. */
const OVERSIZED = ' '.repeat(2 ** 20 + 1);
const MALFORMED = ['', '{', 'null', '[]', '"x"', '\ud800', '['.repeat(10_000), '{"schema":"fedcardio.update/2"}'];

interface AttackContext extends Pick<HandlerContext, 'federationStore' | 'now'> {
  readonly history: History;
  /** Called with the prefix of a round whose sealed updates are replaced. */
  readonly onReplace: (round: string) => void;
}

/** Attacks a round that was opened. `variant` chooses among forms of an attack. */
export async function attackRound(
  context: AttackContext,
  { id, samples }: SimulatedSite,
  at: RoundAddress,
  { attack, variant }: { readonly attack: Attack; readonly variant: number },
): Promise<void> {
  const { federationStore, history, now } = context;
  const { base } = jsonOf<Open>(history.at(federationKeys.open(at))!);
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
    await federationStore.put(federationKeys.update(round, id, sha256), canonicalJson(update));
  }
  /** Weights that depend on the variant, so that no two lies have one key. */
  const fileOf = (length: number) => {
    const data = new Float32Array(length).fill(1000 + variant);
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
    case 'prototype-keys':
      return lie(JSON.parse(oneOf(['{"constructor":1}', '{"weights":{"__proto__":{}}}', '{"status":"__proto__"}'])));
    case 'wrong-hash':
      return lie({}, fileOf(3), sha256Hex(`other ${variant}`));
    case 'wrong-bytes':
      return lie({ weights: { ...weightsOf(at, id, fileOf(3)), bytes: oneOf([0, 1, 2 ** 40]) } });
    case 'wrong-shape':
      // In a first round the layout of all sites is decided together, which has tests of its own.
      return base ? lie({}, fileOf(oneOf([1, 4, 100]))) : undefined;
    case 'wrong-samples':
      return lie({ samples: oneOf([samples + 1_000_000, -1, 0.5, '7', null, 1e300]) });
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
  }
}

const weightsOf = (at: RoundAddress, site: string, file: Uint8Array) => {
  const sha256 = sha256Hex(file);
  return { key: federationKeys.updateWeights(at, site, sha256), sha256, bytes: file.length, delta: false };
};

/** Replaces what a site has sent to a round that is sealed. */
async function replaceSealed({ federationStore, history, onReplace }: AttackContext, site: string, at: RoundAddress) {
  if (!history.at(federationKeys.seal(at))) return;
  for (const key of [...history.keys()]) {
    const round = parseRoundKey(key);
    if (!round || federationKeys.round(round.at) !== federationKeys.round(at)) continue;
    const update = parseUpdateName(round.rest);
    if (update?.site !== site) continue;
    onReplace(federationKeys.round(at));
    const replaced = federationKeys.update(at, site, update.id);
    await federationStore.put(replaced, '{');
    if (history.at(federationKeys.weightsBeside(replaced))) {
      await federationStore.put(federationKeys.weightsBeside(replaced), 'x');
    }
  }
}
