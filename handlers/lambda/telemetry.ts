import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import type { FunctionName } from '../../lib/federation/functions.ts';
import { METRICS_NAMESPACE, metricDimensions } from '../../lib/federation/metrics.ts';
import { levelOf, measuresOf } from './measures.ts';

export type LambdaContext = Parameters<Logger['addContext']>[0];

/** Log, metrics and traces of one function. */
export interface Telemetry {
  /** One line, and the metrics that the event counts for. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Wraps a client of the SDK, so that its calls are in the trace. */
  readonly trace: <C>(client: C) => C;
  /** One invocation: its lines name the request, its metrics are published at its end, its trace has it as a segment. */
  invocation<T>(lambda: LambdaContext, work: () => Promise<T>): Promise<T>;
}

/** What a line may be found by in traces as well. */
const ANNOTATIONS = ['campaign', 'stage', 'round', 'site'] as const;

/** @param site of a site's function: on every line, and a dimension of every metric */
export function createTelemetry(service: FunctionName, federation: string, site: string | undefined): Telemetry {
  const of = { federation, ...(site === undefined ? {} : { site }) };
  const logger = new Logger({ serviceName: service, persistentKeys: of });
  const { service: serviceName, ...defaultDimensions } = metricDimensions(service, federation, site);
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName, defaultDimensions });
  // Of HTTP the SDK's own calls are all there is, and those are traced as what they are.
  const tracer = new Tracer({ serviceName, captureHTTPsRequests: false });

  async function inSegment<T>(work: () => Promise<T>): Promise<T> {
    const parent = tracer.getSegment();
    const segment = parent?.addNewSubsegment(`## ${service}`);
    if (segment) tracer.setSegment(segment);
    tracer.annotateColdStart();
    tracer.addServiceNameAnnotation();
    try {
      return await work();
    } catch (error) {
      tracer.addErrorAsMetadata(error as Error);
      throw error;
    } finally {
      segment?.close();
      if (parent) tracer.setSegment(parent);
    }
  }

  return {
    trace: (client) => tracer.captureAWSv3Client(client),
    log: (event, fields) => {
      logger[levelOf(event)](event, fields);
      for (const { name, value } of measuresOf(event, fields)) metrics.addMetric(name, unitOf(name), value);
      for (const key of ANNOTATIONS) {
        const value = fields[key];
        if (typeof value === 'string' || typeof value === 'number') tracer.putAnnotation(key, value);
      }
    },
    invocation: async (lambda, work) => {
      logger.addContext(lambda);
      metrics.captureColdStartMetric(lambda.functionName);
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
