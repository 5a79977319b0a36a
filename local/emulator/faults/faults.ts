import { seededRandom } from '../../../lib/random.ts';
import { type FaultRule, type FaultsConfiguration, isNotificationRule, type RequestRule } from './configuration.ts';
import { createDelivery } from './delivery.ts';
import { compilePattern } from './pattern.ts';

/** The properties of a request that rules match. */
export interface Call {
  readonly operation: string;
  /** `bucket/key`, `bucket`, or a queue's name. */
  readonly target: string;
  /** Whether it is a conditional write. */
  readonly conditional: boolean;
  readonly hasBody: boolean;
}

/** Active faults. */
export interface Faults {
  readonly configuration: FaultsConfiguration;
  /** How often each rule was applied. */
  struck(): readonly number[];
  /** The rule to apply to a request, if any. Each call counts as a request. */
  ruleForRequest(call: Call): RequestRule | undefined;
  /** Delivers a notification about `bucket/key` to a queue, subject to the rules. */
  deliver: (queue: string, target: string, send: () => Promise<void>) => Promise<void>;
  /** Sends all delayed notifications. Only `drop` loses one. */
  flush(): Promise<void>;
}

/** The faults of a server; undefined without faults. */
export interface FaultSwitch {
  active: Faults | undefined;
}

/** The faults of a configuration, with all counts at zero. */
export function createFaults(configuration: FaultsConfiguration): Faults {
  const { rules, seed } = configuration;
  const triggers = rules.map((rule, index) => createTrigger(rule, index, seed));
  const delivery = createDelivery();

  function ruleFor<R extends FaultRule>(candidate: (rule: FaultRule) => rule is R, what: string, target: string) {
    const found = rules.findIndex((rule, index) => candidate(rule) && triggers[index]?.fires(what, target));
    return rules[found] as R | undefined;
  }

  return {
    configuration,
    struck: () => triggers.map((trigger) => trigger.count()),
    ruleForRequest: (call) =>
      ruleFor(
        (rule): rule is RequestRule => !isNotificationRule(rule) && matches(rule, call),
        call.operation,
        call.target,
      ),
    deliver: (queue, target, send) => delivery.deliver(ruleFor(isNotificationRule, queue, target), queue, send),
    flush: delivery.flush,
  };
}

function matches(rule: RequestRule, call: Call): boolean {
  if (rule.operations && !rule.operations.some((operation) => operation === call.operation)) return false;
  if (rule.fault === 'conflict') return call.conditional;
  return rule.fault !== 'cut-upload' || call.hasBody;
}

/** Decides when a rule applies. */
function createTrigger(rule: FaultRule, index: number, seed: number) {
  const target = rule.target === undefined ? undefined : compilePattern(rule.target);
  const { rate, times = Number.POSITIVE_INFINITY } = rule;
  const seen = new Map<string, number>();
  let count = 0;
  return {
    count: () => count,
    /** @param what an operation, or the queue of a notification */
    fires(what: string, where: string): boolean {
      if (count >= times || (target && !target(where))) return false;
      const occurrence = seen.get(`${what} ${where}`) ?? 0;
      seen.set(`${what} ${where}`, occurrence + 1);
      const hit = seededRandom(seed, index, what, where, occurrence)() < rate;
      if (hit) count++;
      return hit;
    },
  };
}
