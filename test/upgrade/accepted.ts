import type { Change } from './changes.ts';

export interface Accepted {
  readonly reason: string;
  readonly applies: (change: Change) => boolean;
}

/** Data that this release replaces or loses on purpose, and names that conflict. Each is said in CHANGELOG.md. */
export const ACCEPTED: readonly Accepted[] = [];
