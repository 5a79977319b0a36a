import { createJobWatch } from '../lib/aws/job-watch.ts';
import { createOnDemandStack } from '../lib/aws/on-demand-stack.ts';
import { type EndpointsContext, reconcileEndpoints } from './endpoints.ts';
import { required } from './lambda/environment.ts';
import { createTelemetry, type LambdaContext, type Telemetry } from './lambda/telemetry.ts';

let made: { readonly telemetry: Telemetry; readonly context: EndpointsContext } | undefined;

/**
 * Lambda entry point of EventBridge's "Batch Job State Change" events and of a schedule. The events have no content that is
 * used. Unlike other functions, it knows no bucket and no queue of messages.
 */
export async function handler(_event: unknown, lambda: LambdaContext): Promise<void> {
  made ??= setUp();
  const { telemetry, context } = made;
  await telemetry.invocation(lambda, () => reconcileEndpoints(context));
}

function setUp() {
  const federation = required('FEDCARDIO_FEDERATION_ID');
  const telemetry = createTelemetry('endpoints', federation, undefined);
  const { trace, log } = telemetry;
  const endpoint = process.env.FEDCARDIO_ENDPOINT || undefined;
  const context: EndpointsContext = {
    jobs: createJobWatch({ endpoint, trace, queuePrefix: `${federation}-` }),
    stack: createOnDemandStack({
      endpoint,
      trace,
      stackName: required('FEDCARDIO_ENDPOINTS_STACK'),
      templateUrl: required('FEDCARDIO_ENDPOINTS_TEMPLATE'),
      roleArn: required('FEDCARDIO_ENDPOINTS_ROLE'),
    }),
    now: () => new Date(),
    log,
  };
  return { telemetry, context };
}
