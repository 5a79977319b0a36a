import { federationKeys, parseRoundKey, parseUpdateKey } from '../../lib/federation/keys.ts';
import type { GpuTaskMessage } from '../../lib/federation/schemas.ts';
import type { History } from './history.ts';
import type { Invocation } from './invocation.ts';
import {
  commitViolations,
  gpuTaskViolations,
  openViolations,
  outcomeViolations,
  readViolations,
  refusalViolations,
  sealViolations,
  type WriteContext,
} from './rules.ts';

/** Objects that are created once and never changed. */
const WRITTEN_ONCE = /\/(plan|open|seal|commit|outcome|[^/]+\.update|[^/]+\.refusal)\.json$/;

/** Checks every write, every read of an answer and every GPU task message against the rules, before it is recorded. */
export interface Monitor {
  onRead(by: Invocation, key: string): void;
  onWrite(by: Invocation, key: string, body: Uint8Array | string): void;
  onSend(by: Invocation, message: GpuTaskMessage): void;
  /** Announces an answer and whether it may be merged. Counts only if it is the first of its key. */
  expectAnswer(by: Invocation, key: string, isUsable: boolean): void;
  isUsable(key: string): boolean;
  /** Keys that a hostile site has written. */
  readonly attacked: ReadonlySet<string>;
  /** When a site was last sent the GPU task of a round. */
  lastSentAt(round: string, site: string): Date | undefined;
  /** Violations so far, each with the invocation that caused it. */
  readonly violations: readonly string[];
}

export function createMonitor(history: History, campaign: string, now: () => Date): Monitor {
  const violations: string[] = [];
  const answers = new Map<string, boolean>();
  const announced = new Map<Invocation, readonly [key: string, isUsable: boolean]>();
  const sentAt = new Map<string, Date>();
  const attacked = new Set<string>();
  const report = (by: Invocation, what: string, claims: readonly string[]) => {
    for (const claim of claims) violations.push(`${by.name} wrote ${what}, which violates: ${claim}`);
  };

  function violationsOf(write: WriteContext, key: string, body: Uint8Array | string): readonly string[] {
    const text = () => JSON.parse(Buffer.from(body as Uint8Array).toString());
    if (key === federationKeys.outcome(campaign)) return outcomeViolations(write, text());
    const round = parseRoundKey(key);
    switch (round?.rest) {
      case 'open.json':
        return openViolations(write, round.at, text());
      case 'seal.json':
        return sealViolations(write, round.at, text());
      case 'commit.json':
        return commitViolations(write, round.at, text());
    }
    const sent = parseUpdateKey(key);
    return sent?.name.endsWith('.refusal.json') ? refusalViolations(write, sent.at, text()) : [];
  }

  return {
    violations,
    attacked,
    expectAnswer: (by, key, isUsable) => void announced.set(by, [key, isUsable]),
    onRead: (by, key) => {
      for (const claim of readViolations({ by, history, answers, campaign }, key)) {
        violations.push(`${by.name} read ${key}, which violates: ${claim}`);
      }
    },
    onWrite: (by, key, body) => {
      if (by.name === 'attack') attacked.add(key);
      // What a hostile site writes keeps no rule, nor what others write over it.
      if (!attacked.has(key)) {
        const before = history.versions(key);
        if (before.length > 0 && WRITTEN_ONCE.test(key)) report(by, key, ['it is written once']);
        const isOther = before.some((version) => !version.body.equals(Buffer.from(body as Uint8Array)));
        if (isOther && key.endsWith('.safetensors')) report(by, key, ['weights always have the same bytes']);
        report(by, key, violationsOf({ by, history, answers, campaign }, key, body));
      }
      history.record(key, body);
      const [answer, isUsable] = announced.get(by) ?? [];
      if (key === answer && isUsable !== undefined) answers.set(key, isUsable);
    },
    onSend: (by, message) => {
      report(
        by,
        `a task for ${message.site}`,
        gpuTaskViolations({ by, history, answers, campaign }, message, message.site),
      );
      sentAt.set(federationKeys.round(message) + message.site, now());
    },
    isUsable: (key) => answers.get(key) === true,
    lastSentAt: (round, site) => sentAt.get(round + site),
  };
}
