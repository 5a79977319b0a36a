import { federationKeys, parseRoundKey } from '../../lib/federation/keys.ts';
import type { GpuTaskMessage } from '../../lib/federation/schemas.ts';
import type { History } from './history.ts';
import type { Invocation } from './invocation.ts';
import {
  commitFaults,
  gpuTaskFaults,
  openFaults,
  outcomeFaults,
  refusalFaults,
  sealFaults,
  type Writing,
} from './rules.ts';

/** What is created once and then never touched. */
const WRITTEN_ONCE = /\/(plan|open|seal|commit|outcome|[^/]+\.update|[^/]+\.refusal)\.json$/;

/** Looks at everything that is written and sent, at the moment when it is. */
export interface Watch {
  wrote(by: Invocation, key: string, body: Uint8Array | string): void;
  sent(by: Invocation, message: GpuTaskMessage): void;
  /** Tells whether the answer that is about to be written may be merged, should it be the first of its key. */
  answering(by: Invocation, key: string, isUsable: boolean): void;
  isUsable(key: string): boolean;
  /** When a site was last sent the task of a round. */
  asked(round: string, site: string): Date | undefined;
  /** What was found, each with who did it. */
  readonly found: readonly string[];
}

export function createWatch(history: History, campaign: string, now: () => Date): Watch {
  const found: string[] = [];
  const answers = new Map<string, boolean>();
  const intended = new Map<Invocation, readonly [key: string, isUsable: boolean]>();
  const asked = new Map<string, Date>();
  const note = (by: Invocation, what: string, faults: readonly string[]) => {
    for (const fault of faults) found.push(`${by.name} wrote ${what}, but: ${fault}`);
  };

  function faultsOf(writing: Writing, key: string, body: Uint8Array | string): readonly string[] {
    const text = () => JSON.parse(Buffer.from(body as Uint8Array).toString());
    if (key === federationKeys.outcome(campaign)) return outcomeFaults(writing, text());
    const round = parseRoundKey(key);
    switch (round?.rest) {
      case 'open.json':
        return openFaults(writing, round.at, text());
      case 'seal.json':
        return sealFaults(writing, round.at, text());
      case 'commit.json':
        return commitFaults(writing, round.at, text());
    }
    return round && key.endsWith('.refusal.json') ? refusalFaults(writing, round.at, text()) : [];
  }

  return {
    found,
    answering: (by, key, isUsable) => void intended.set(by, [key, isUsable]),
    wrote: (by, key, body) => {
      const before = history.versions(key);
      if (before.length > 0 && WRITTEN_ONCE.test(key)) note(by, key, ['it is written once']);
      const isOther = before.some((version) => !version.body.equals(Buffer.from(body as Uint8Array)));
      if (isOther && key.endsWith('.safetensors')) note(by, key, ['weights always have the same bytes']);
      note(by, key, faultsOf({ by, history, answers, campaign }, key, body));
      history.record(key, body);
      const [answer, isUsable] = intended.get(by) ?? [];
      if (key === answer && isUsable !== undefined) answers.set(key, isUsable);
    },
    sent: (by, message) => {
      note(by, `a task for ${message.site}`, gpuTaskFaults({ by, history, answers, campaign }, message, message.site));
      asked.set(federationKeys.round(message) + message.site, now());
    },
    isUsable: (key) => answers.get(key) === true,
    asked: (round, site) => asked.get(round + site),
  };
}
