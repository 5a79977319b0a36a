import type { FaultsInput } from '../../../local/emulator/faults/configuration.ts';

/** CHAOS_CONFIG of the server's process. */
export interface ServerConfig {
  readonly port: number;
  readonly dataDir: string;
  readonly faults: FaultsInput;
}

/** CHAOS_CONFIG of a process with functions and a launcher: the coordinator's, or with `site` a hospital's. */
export interface PlatformConfig {
  readonly endpoint: string;
  readonly maxGpuTasks: number;
  /** Command of a GPU task, and what it gets in its environment. */
  readonly gpuTask: readonly [string, ...string[]];
  readonly gpuTaskEnv: Readonly<Record<string, string>>;
  readonly hospital?: { readonly site: string; readonly sentLog: string; readonly server: ServerConfig };
}

/** Minutes of AWS are seconds here. */
export const SCALE = {
  /** Every minute on AWS. */
  sweepSeconds: 1,
  /** After 15 minutes on AWS. */
  resendSeconds: 5,
  /** Every hour on AWS. */
  rescanSeconds: 2,
  /** Six times the time-out of a function on AWS: from one to 90 minutes. */
  retrySeconds: 1,
} as const;
