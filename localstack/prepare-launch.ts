import { containerLaunch, hasContainerEngine } from './container.ts';
import { hostLaunch } from './host.ts';
import type { Launch, Say } from './launch.ts';

/**
 * Prepares LocalStack: in a container if there is a container engine, otherwise as a process installed from PyPI.
 *
 * @throws FedcardioError BAD_CONFIGURATION if neither is possible, naming what is missing
 */
export const prepareLaunch = async (say: Say): Promise<Launch> =>
  (await hasContainerEngine()) ? containerLaunch() : hostLaunch(say);
