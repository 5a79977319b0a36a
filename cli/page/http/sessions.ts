import { randomBytes, timingSafeEqual } from 'node:crypto';

export interface Sessions {
  /** The token that opens the page, once. */
  token(): string;
  /** A new session for the token, which is used up; undefined if it is wrong or was used. */
  open(token: string): string | undefined;
  isOpen(session: string): boolean;
}

/** Browsers at a time. The session that was opened first ends when there are more. */
const MOST = 20;

/**
 * One-time tokens and the sessions that they open, in memory: they end with the process.
 *
 * @param onNewToken told the next token when one was used, for another browser
 */
export function createSessions(onNewToken: (token: string) => void = () => undefined, random = randomToken): Sessions {
  let token = random();
  const open: string[] = [];
  return {
    token: () => token,
    open: (given) => {
      if (!isSame(given, token)) return undefined;
      token = random();
      const session = random();
      open.push(session);
      if (open.length > MOST) open.shift();
      onNewToken(token);
      return session;
    },
    isOpen: (session) => open.some((one) => isSame(session, one)),
  };
}

/** 256 bits. */
const randomToken = (): string => randomBytes(32).toString('base64url');

/** Takes the same time wherever two texts differ. */
function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
