/** The coordinator's functions and the GPU tasks of the sites in the cloud; or all of a hospital's machine. */
import { describeError, isOutage } from '../../../lib/error.ts';
import { verifyCampaign } from '../../../lib/protocol/verify-campaign.ts';
import { startPlatform } from '../../../local/platform.ts';
import { FEDERATION } from '../federation.ts';
import { type PlatformConfig, SCALE } from './config.ts';
import { report, serveRequests } from './report.ts';

const config = JSON.parse(process.env.CHAOS_CONFIG as string) as PlatformConfig;
const { endpoint, hospital } = config;
const fault = (what: string, error: unknown) =>
  report({ type: 'fault', what: `${what}: ${error instanceof Error ? (error.stack ?? error) : describeError(error)}` });

const platform = await startPlatform({
  federation: FEDERATION,
  // It was deployed once for all campaigns.
  deploy: false,
  server: hospital
    ? { ...hospital.server, onFailure: (error) => fault('the embedded server failed', error) }
    : { endpoint },
  ...(hospital && { machine: { site: hospital.site, federation: { endpoint }, sentLog: hospital.sentLog } }),
  gpuTasks: {
    maxGpuTasks: config.maxGpuTasks,
    command: config.gpuTask,
    env: config.gpuTaskEnv,
    graceSeconds: 5,
    onEvent: (event) => {
      if (event.type === 'failed' || event.type === 'retrying') {
        const { campaign: _, stage, round, site } = event.message;
        report({ type: 'log', event: `gpu-task-${event.type}`, fields: { stage, round, site, reason: event.reason } });
      }
    },
  },
  sweep: {
    everySeconds: SCALE.sweepSeconds,
    resendAfterSeconds: SCALE.resendSeconds,
    rescanEverySeconds: SCALE.rescanSeconds,
  },
  retrySeconds: SCALE.retrySeconds,
  onRunnerEvent: (event) => {
    if ('error' in event && !isOutage(event.error)) fault(event.type, event.error);
  },
  log: (event, fields) => report({ type: 'log', event, fields }),
});
serveRequests({
  stop: platform.close,
  verify: async (campaign) => {
    const { faults, rounds } = await verifyCampaign(platform.context.federationStore, campaign);
    return [
      ...faults,
      ...rounds.flatMap((round) => round.faults.map((one) => `${round.at.stage} ${round.at.round}: ${one}`)),
    ];
  },
});
report({ type: 'ready', endpoint: platform.endpoint });
