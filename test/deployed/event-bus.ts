import { randomUUID } from 'node:crypto';
import type { Deployment } from './deployment.ts';
import { matches } from './event-pattern.ts';
import { type Functions, functionNameOf, isSamePlace } from './functions.ts';
import { nameOf } from './resources.ts';

/** An event of EventBridge. */
export interface BusEvent {
  readonly account: string;
  readonly region: string;
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** An event that a rule sent to something that is not a function, such as a topic. */
interface Sent {
  readonly target: string;
  readonly event: BusEvent;
}

export interface EventBus {
  put(event: BusEvent): void;
  readonly sent: readonly Sent[];
  /** Functions that a rule names and that do not let it invoke them. */
  readonly refused: readonly string[];
}

/** The default event bus of every account and region, with the rules of the templates. */
export function createEventBus({ rules, permissions }: Deployment, functions: Functions): EventBus {
  const sent: Sent[] = [];
  const refused: string[] = [];
  return {
    sent,
    refused,
    put(event) {
      for (const rule of rules) {
        if (!isSamePlace(rule, event) || !matches(rule.pattern, event)) continue;
        for (const target of rule.targets) {
          const name = functionNameOf(target);
          const isPermitted = permissions.some(
            (one) => one.function === name && one.principal === 'events.amazonaws.com' && one.sourceArn === rule.arn,
          );
          if (name === undefined) sent.push({ target: nameOf(target), event });
          else if (isPermitted) functions.invokeLater(name, envelopeOf(event));
          else refused.push(name);
        }
      }
    },
  };
}

const envelopeOf = (event: BusEvent) => ({
  version: '0',
  id: randomUUID(),
  time: new Date().toISOString(),
  resources: [],
  ...event,
});
