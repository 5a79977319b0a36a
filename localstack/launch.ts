import { containerLaunch, hasContainerEngine } from './container.ts';
import { hostLaunch } from './host.ts';

export type Say = (line: string) => void;

/** LocalStack while it runs. */
interface LocalStack {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A way to start LocalStack on this machine, with all installed that it needs. */
export interface Launch {
  /**
   * Starts it on a port of 127.0.0.1 and waits until it answers.
   *
   * @throws FedcardioError BAD_CONFIGURATION when the port is taken or it does not start
   */
  start(port: number, say: Say): Promise<LocalStack>;
}

/**
 * Prepares LocalStack: in a container where there is an engine, otherwise as a process of this machine, from PyPI.
 *
 * @throws FedcardioError BAD_CONFIGURATION when neither can be had, and what is missing
 */
export const prepareLaunch = async (say: Say): Promise<Launch> =>
  (await hasContainerEngine()) ? containerLaunch() : hostLaunch(say);
