import { builtPage } from '../../cli/page/built.ts';
import { createPageContext, type PageContextOptions } from '../../cli/page/context.ts';
import { createPage } from '../../cli/page/http/page.ts';
import { startPageServer } from '../../cli/page/http/server.ts';
import { createSessions } from '../../cli/page/http/sessions.ts';

/** The page of a federation whose buckets a test opens, with the real server. */
export async function startTestPage(
  options: Pick<PageContextOptions, 'openBucket'> & Partial<PageContextOptions> & { readonly now?: () => number },
) {
  const failures: unknown[] = [];
  const { now, ...rest } = options;
  const context = createPageContext({ id: 'fedcardio', declared: undefined, ...rest });
  const sessions = createSessions();
  const folder = await builtPage(() => undefined);
  const onFailure = (error: unknown) => failures.push(error);
  const { respond } = createPage({ prefix: '/', folder, context, sessions, onFailure, ...(now && { now }) });
  const server = await startPageServer(0, respond, onFailure);
  const origin = `http://127.0.0.1:${server.port}`;
  return {
    origin,
    port: server.port,
    context,
    failures,
    /** Opens the page once, in one browser. */
    address: () => `${origin}/?token=${sessions.token()}`,
    /** The cookie of a new session, for requests without a browser. */
    async cookie(): Promise<string> {
      const response = await fetch(`${origin}/?token=${sessions.token()}`);
      return (response.headers.get('set-cookie') ?? '').split(';')[0] as string;
    },
    close: server.close,
  };
}
