import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { FedcardioError, systemError } from '../../../lib/error.ts';
import { type Federation, federationSchema, isOnPremises, type Site } from '../../../lib/federation/schemas.ts';
import { topologyOf } from '../../../lib/federation/topology.ts';
import { parseJson } from '../../../lib/json.ts';
import { nearest } from '../../../lib/nearest.ts';
import { printable } from '../../../lib/printable.ts';
import { readInput } from '../../read-input.ts';
import { prepareDirectory } from '../../up/directory.ts';

/** The directory of an on-premises site's machine. */
export interface SiteDirectory {
  /** Absolute. */
  readonly path: string;
  /** Directory of the embedded server, which has the bucket. */
  readonly server: string;
  /** File of everything that functions and GPU tasks log, a line each event. */
  readonly log: string;
  /** File of everything that was sent to the federation. */
  readonly sent: string;
  /** Folder of the secret of the pseudonyms, and of their map. */
  readonly pseudonyms: string;
  /** Folder of unfinished imports. */
  readonly imports: string;
}

/**
 * Opens the directory of a site's machine.
 *
 * @throws FedcardioError BAD_CONFIGURATION if it holds another site, or the errors of its disk
 */
export function openSiteDirectory(data: string, federation: Federation, site: Site): SiteDirectory {
  const path = resolve(data);
  const owner = join(path, 'site.json');
  const now = { schema: 'fedcardio.site-directory/1', federation: federation.id, site: site.id } as const;
  if (existsSync(owner)) {
    const before = parseJson(readFileSync(owner), ownerSchema, owner);
    if (before.federation !== now.federation || before.site !== now.site) {
      throw new FedcardioError(
        'BAD_CONFIGURATION',
        `${path} holds the site "${before.site}" of the federation "${before.federation}", not "${now.site}" of "${now.federation}".`,
        { hint: 'Choose another directory with --data.' },
      );
    }
  }
  create(path);
  prepareDirectory(path);
  writeFileSync(owner, `${JSON.stringify(now)}\n`);
  const [log, sent] = [join(path, 'site.log'), join(path, 'sent.jsonl')];
  // Names of cases and figures are for the owner alone. An administrator's own rights on existing files stay.
  for (const file of [log, sent]) closeSync(openSync(file, 'a', 0o600));
  return {
    path,
    server: join(path, 'server'),
    log,
    sent,
    pseudonyms: join(path, 'pseudonyms'),
    imports: join(path, 'imports'),
  };
}

/** For the owner alone, unless an administrator has created it. */
function create(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw systemError(error, path) ?? error;
  }
}

/**
 * Requires an inbox outside the directory of a site, and the reverse: each would import the other.
 *
 * @throws FedcardioError BAD_CONFIGURATION
 */
export function requireSeparate(inbox: string, data: string): void {
  const [one, other] = [resolve(inbox), resolve(data)];
  const isWithin = (inner: string, outer: string) => inner === outer || inner.startsWith(join(outer, sep));
  if (!isWithin(one, other) && !isWithin(other, one)) return;
  throw new FedcardioError('BAD_CONFIGURATION', `The inbox ${one} and the directory of --data, ${other}, overlap.`, {
    hint: 'Choose an inbox outside --data.',
  });
}

const ownerSchema = z.object({
  schema: z.literal('fedcardio.site-directory/1'),
  federation: z.string(),
  site: z.string(),
});

/**
 * Reads federation.json and finds the on-premises site.
 *
 * @throws FedcardioError NOT_FOUND with the nearest id, BAD_CONFIGURATION if the site is on AWS
 */
export function readOnPremisesSite(file: string, id: string): { readonly federation: Federation; readonly site: Site } {
  const federation = parseJson(readInput(file), federationSchema, file);
  topologyOf(federation);
  const site = federation.sites.find((candidate) => candidate.id === id);
  if (!site) {
    const ids = federation.sites.map((candidate) => candidate.id);
    const near = nearest(id, ids);
    throw new FedcardioError('NOT_FOUND', `${file} has no site "${printable(id)}".`, {
      hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Its sites are ${ids.join(', ')}.`,
    });
  }
  if (!isOnPremises(site)) {
    throw new FedcardioError('BAD_CONFIGURATION', `Site "${id}" is on AWS, where its functions and GPU tasks run.`, {
      hint: 'For a site on its own machine, the cloud team sets "place": "on-premises" in federation.json, and deploys it.',
    });
  }
  return { federation, site };
}
