import { existsSync } from 'node:fs';
import { readSent } from '../../../site/site-overview.ts';
import type { Handler } from '../../handler.ts';
import { ownSite } from '../../hospital/own-site.ts';
import { perContext } from '../../hospital/per-context.ts';
import { partsOfBucket, partsOfLog, partsOfRecords, sentRows } from '../../hospital/sent-objects.ts';

/** Most objects that an answer lists: more than ten campaigns of 100 rounds. */
const MOST = 5000;

const knownHashes = perContext(() => new Map<string, string>());

/** Every object that this site has sent: its records, the log of this machine, and what the federation bucket holds. */
export const siteSent: Handler<'siteSent'> = async (context) => {
  const { site, store } = ownSite(context);
  const { federationStore, machine } = context;
  const log = machine && existsSync(machine.sentLog) ? machine.sentLog : undefined;
  const [records, { parts, notCompared }] = await Promise.all([
    readSent(store),
    partsOfBucket(federationStore, site, knownHashes(context)),
  ]);
  const rows = sentRows([...partsOfRecords(records), ...partsOfLog(log), ...parts]);
  return {
    objects: rows.slice(0, MOST),
    omitted: Math.max(0, rows.length - MOST),
    totals: { objects: rows.length, bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0) },
    ...(log !== undefined && { log }),
    ...(notCompared !== undefined && { notCompared }),
  };
};
