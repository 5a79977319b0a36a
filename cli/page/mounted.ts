import { describeError, isFedcardioError } from '../../lib/error.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import type { Platform } from '../../local/platform.ts';
import { openBuckets } from '../campaign.ts';
import { builtPage } from './built.ts';
import { createPageContext } from './context.ts';
import { onFailure } from './failure.ts';
import { createPage } from './http/page.ts';
import { createSessions } from './http/sessions.ts';

/** No bucket begins with an underscore, so that no object has such a path. */
const PREFIX = '/_fedcardio/page/';

/**
 * Serves the coordinator's page on the port of the platform's server.
 *
 * @returns its address; undefined if the platform has no server of its own, or the page cannot be built, which `say` is told
 */
export async function mountPage(
  { mount, endpoint }: Pick<Platform, 'mount' | 'endpoint'>,
  declared: Federation,
  say: (line: string) => void,
): Promise<string | undefined> {
  if (!mount) return undefined;
  const { id } = declared;
  const context = createPageContext({
    openBucket: await openBuckets({ endpoint, federation: id }),
    id,
    declared,
    endpoint,
  });
  const folder = await builtPage(say).catch((error: unknown) => {
    // The federation runs without its page.
    if (!isFedcardioError(error)) throw error;
    say(describeError(error));
    return undefined;
  });
  if (folder === undefined) return undefined;
  const addressOf = (token: string) => `${endpoint}${PREFIX}?token=${token}`;
  const sessions = createSessions((token) => say(`The page, for another browser: ${addressOf(token)}`));
  mount(createPage({ prefix: PREFIX, folder, context, sessions, onFailure }));
  return addressOf(sessions.token());
}
