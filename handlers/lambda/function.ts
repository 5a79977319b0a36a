import { createObjectStorage } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import { FedcardioError } from '../../lib/error.ts';
import type { FunctionName } from '../../lib/federation/functions.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import type { GpuTaskLauncher, HandlerContext } from '../context.ts';
import { readEnvironment } from './environment.ts';
import { createTelemetry, type LambdaContext, type Telemetry } from './telemetry.ts';

/** Parts of the handler's context that only some functions have. */
export type Extras = Partial<Pick<HandlerContext, 'launcher' | 'delegateMerge'>>;

/** Input of the extras. `trace` wraps clients of the SDK. */
export interface Setup {
  readonly context: HandlerContext;
  readonly trace: Telemetry['trace'];
}

/** Makes a handler a Lambda function. Its context is created at the first invocation and kept for the process's life. */
export function lambdaFunction<E, R>(
  service: FunctionName,
  handle: (event: E, context: HandlerContext) => Promise<R>,
  extras: (setup: Setup) => Extras = () => ({}),
): (event: E, lambda: LambdaContext) => Promise<R> {
  let made: { readonly telemetry: Telemetry; readonly context: HandlerContext } | undefined;
  return (event, lambda) => {
    made ??= setUp(service, extras);
    const { telemetry, context } = made;
    return telemetry.invocation(lambda, () => handle(event, context));
  };
}

function setUp(service: FunctionName, extras: (setup: Setup) => Extras) {
  const { federation, site, endpoint } = readEnvironment();
  const telemetry = createTelemetry(service, federation.id, site);
  const { trace, log } = telemetry;
  const places = new Map(topologyOf(federation).queues.map((queue) => [queue.name, queue]));
  const context: HandlerContext = {
    federation,
    ...storesOf(createObjectStorage({ endpoint, trace }), federation.id),
    queues: createQueues({ endpoint, trace, placeOf: (queue) => places.get(queue) ?? {} }),
    launcher: NO_LAUNCHER,
    now: () => new Date(),
    log,
  };
  return { telemetry, context: { ...context, ...extras({ context, trace }) } };
}

const NO_LAUNCHER: GpuTaskLauncher = {
  submit: async () => {
    throw new FedcardioError('BAD_CONFIGURATION', 'This function starts no GPU tasks.');
  },
};
