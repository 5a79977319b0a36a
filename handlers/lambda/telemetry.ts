import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { withoutCasesIn, withoutCasesInError } from '../../lib/federation/cloud-logs.ts';
import type { FunctionName } from '../../lib/federation/functions.ts';
import { METRICS_NAMESPACE, metricDimensions } from '../../lib/federation/metrics.ts';
import { levelOf, measuresOf } from './measures.ts';

export type LambdaContext = Parameters<Logger['addContext']>[0];

/**
 * Log, metrics and traces of a function. Those of a site's function name no case: the SDK's calls, whose keys do, are not
 * traced there, and log lines and errors refer to cases by hashes.
 */
export interface Telemetry {
  /** Logs one line, and adds the event's metrics. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Adds the calls of an SDK client to the trace, in the coordinator's functions. */
  readonly trace: <C>(client: C) => C;
  /** Runs one invocation: adds the request id to its lines, publishes its metrics at the end, traces it as a segment. */
  invocation<T>(lambda: LambdaContext, work: () => Promise<T>): Promise<T>;
}

/** Fields of log lines that become annotations of the trace. */
const ANNOTATIONS = ['campaign', 'stage', 'round', 'site'] as const;

/** @param site given for a site's function: on every line, and a dimension of every metric */
export function createTelemetry(service: FunctionName, federation: string, site: string | undefined): Telemetry {
  const of = { federation, ...(site === undefined ? {} : { site }) };
  const logger = new Logger({ serviceName: service, persistentKeys: of });
  const { service: serviceName, ...defaultDimensions } = metricDimensions(service, federation, site);
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName, defaultDimensions });
  // All HTTP calls are the SDK's, which are traced as SDK calls.
  const tracer = new Tracer({ serviceName, captureHTTPsRequests: false });
  const isSite = site !== undefined;
  const shownError = (error: unknown) => (isSite ? withoutCasesInError(error) : (error as Error));

  async function inSegment<T>(work: () => Promise<T>): Promise<T> {
    const parent = tracer.getSegment();
    const segment = parent?.addNewSubsegment(`## ${service}`);
    if (segment) tracer.setSegment(segment);
    tracer.annotateColdStart();
    tracer.addServiceNameAnnotation();
    try {
      return await work();
    } catch (error) {
      const shown = shownError(error);
      tracer.addErrorAsMetadata(shown);
      throw shown;
    } finally {
      segment?.close();
      if (parent) tracer.setSegment(parent);
    }
  }

  return {
    trace: (client) => (isSite ? client : tracer.captureAWSv3Client(client)),
    log: (event, fields) => {
      logger[levelOf(event)](event, isSite ? withoutCasesIn(fields) : fields);
      for (const { name, value } of measuresOf(event, fields)) metrics.addMetric(name, unitOf(name), value);
      for (const key of ANNOTATIONS) {
        const value = fields[key];
        if (typeof value === 'string' || typeof value === 'number') tracer.putAnnotation(key, value);
      }
    },
    invocation: async (lambda, work) => {
      logger.addContext(lambda);
      try {
        return await inSegment(work);
      } catch (error) {
        logger.error('invocation-failed', error as Error);
        throw error;
      } finally {
        if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
      }
    },
  };
}

const unitOf = (name: string) => (name.endsWith('Seconds') ? MetricUnit.Seconds : MetricUnit.Count);
