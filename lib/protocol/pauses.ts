import { federationKeys } from '../federation/keys.ts';
import { type Control, controlSchema, type Open } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { tryReadJson } from '../storage/documents.ts';

export type Pauses = Control['pauses'];

/** A campaign's pauses; empty if it was never paused. */
export async function readPauses(store: Pick<FederationStore, 'bucket' | 'tryGet'>, campaign: string): Promise<Pauses> {
  const control = await tryReadJson(store, federationKeys.control(campaign), controlSchema);
  return control?.value.pauses ?? [];
}

/** While a campaign is paused, no round opens and no GPU task is sent. Updates still count and rounds still close. */
export const isPaused = (pauses: Pauses): boolean => pauses.at(-1)?.until === null;

/** A round's deadline, extended by the time that the campaign was paused since the round opened. */
export function deadlineOf({ at, deadline }: Pick<Open, 'at' | 'deadline'>, pauses: Pauses, now: Date): Date {
  const opened = Date.parse(at);
  const paused = pauses.reduce((sum, { from, until }) => {
    const end = until === null ? now.getTime() : Date.parse(until);
    return sum + Math.max(0, end - Math.max(opened, Date.parse(from)));
  }, 0);
  return new Date(Date.parse(deadline) + paused);
}
