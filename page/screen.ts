import type { Session } from './api/session.ts';

/** What a screen gets: the parameters of its path, and who looks. */
export interface ScreenProps {
  readonly params: Readonly<Record<string, string>>;
  readonly session: Session;
}
