import { seededRandom } from '../../../lib/random.ts';
import { type FaultRule, type FaultsConfiguration, isNotificationRule, type RequestRule } from './configuration.ts';
import { createDelivery } from './delivery.ts';

/** A request, as far as rules look at it. */
export interface Call {
  readonly operation: string;
  /** `bucket/key`, `bucket`, or a queue's name. */
  readonly target: string;
  /** A write on a condition. */
  readonly conditional: boolean;
  readonly hasBody: boolean;
}

/** Faults that are switched on. */
export interface Faults {
  readonly configuration: FaultsConfiguration;
  /** How often each rule has struck. */
  struck(): readonly number[];
  /** The rule that strikes a request, if any. Asking is an event: the next request like it is the next one. */
  ofRequest(call: Call): RequestRule | undefined;
  /** Delivers a notification about `bucket/key` to a queue, or does not. */
  deliver: (queue: string, target: string, send: () => Promise<void>) => Promise<void>;
  /** Sends what is held back: nothing but `drop` loses a notification. */
  settle(): Promise<void>;
}

/** The faults of a server; absent means that nothing is done wrong, and costs one look. */
export interface FaultSwitch {
  active: Faults | undefined;
}

/** Makes the faults of a configuration, all counts at zero. */
export function createFaults(configuration: FaultsConfiguration): Faults {
  const { rules, seed } = configuration;
  const dice = rules.map((rule, index) => createDice(rule, index, seed));
  const delivery = createDelivery();

  function strike<R extends FaultRule>(candidate: (rule: FaultRule) => rule is R, what: string, target: string) {
    const found = rules.findIndex((rule, index) => candidate(rule) && dice[index]?.strikes(what, target));
    return rules[found] as R | undefined;
  }

  return {
    configuration,
    struck: () => dice.map((each) => each.struck()),
    ofRequest: (call) =>
      strike(
        (rule): rule is RequestRule => !isNotificationRule(rule) && meets(rule, call),
        call.operation,
        call.target,
      ),
    deliver: (queue, target, send) => delivery.deliver(strike(isNotificationRule, queue, target), queue, send),
    settle: delivery.settle,
  };
}

function meets(rule: RequestRule, call: Call): boolean {
  if (rule.operations && !rule.operations.some((operation) => operation === call.operation)) return false;
  if (rule.fault === 'conflict') return call.conditional;
  return rule.fault !== 'cut-upload' || call.hasBody;
}

/** Decides whether a rule strikes. */
function createDice(rule: FaultRule, index: number, seed: number) {
  const target = rule.target === undefined ? undefined : new RegExp(rule.target, 'u');
  const { rate, times = Number.POSITIVE_INFINITY } = rule;
  const seen = new Map<string, number>();
  let struck = 0;
  return {
    struck: () => struck,
    /** @param what an operation, or the queue of a notification */
    strikes(what: string, where: string): boolean {
      if (struck >= times || (target && !target.test(where))) return false;
      const occurrence = seen.get(`${what} ${where}`) ?? 0;
      seen.set(`${what} ${where}`, occurrence + 1);
      const hit = seededRandom(seed, index, what, where, occurrence)() < rate;
      if (hit) struck++;
      return hit;
    },
  };
}
