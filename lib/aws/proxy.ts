import type { AgentOptions } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';

/** Stands for all of AWS: NO_PROXY may exempt `.amazonaws.com` as a whole. */
const AWS = 'https://s3.amazonaws.com';

/**
 * The agent of HTTPS requests to an endpoint: through the proxy that `HTTPS_PROXY` names, unless `NO_PROXY` exempts the
 * endpoint's host. The SDK reads neither.
 *
 * @param endpoint URL of the endpoint; AWS if undefined
 */
export function httpsAgentFor(
  endpoint: string | undefined,
  options: AgentOptions,
): AgentOptions | HttpsProxyAgent<string> {
  const proxy = getProxyForUrl(endpoint ?? AWS);
  return proxy === '' ? options : new HttpsProxyAgent(proxy, options);
}
