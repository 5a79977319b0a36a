/** What a process of a chaos campaign tells whoever started it. */
export type Report =
  | { readonly type: 'ready'; readonly endpoint: string }
  | { readonly type: 'fault'; readonly what: string }
  | { readonly type: 'log'; readonly event: string; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly type: 'verified'; readonly faults: readonly string[] };

/** What it is asked. */
export type Request = { readonly type: 'stop' } | { readonly type: 'verify'; readonly campaign: string };

export const report = (message: Report): void => {
  process.send?.(message);
};

/** Answers requests until `stop`, then ends with code 0. */
export function serveRequests(handlers: {
  readonly stop: () => Promise<unknown>;
  readonly verify?: (campaign: string) => Promise<readonly string[]>;
}): void {
  // Whoever started it is gone.
  process.on('disconnect', () => process.exit(1));
  process.on('message', (request: Request) => {
    const work = request.type === 'stop' ? handlers.stop() : answerVerify(handlers.verify, request.campaign);
    work.then(
      () => request.type === 'stop' && process.exit(0),
      (error) => report({ type: 'fault', what: String((error as Error).stack ?? error) }),
    );
  });
}

async function answerVerify(verify: ((campaign: string) => Promise<readonly string[]>) | undefined, campaign: string) {
  report({ type: 'verified', faults: (await verify?.(campaign)) ?? ['this process cannot verify'] });
}
