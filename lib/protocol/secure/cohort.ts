import { FedcardioError } from '../../error.ts';
import { federationKeys, type StageAddress } from '../../federation/keys.ts';
import { type CohortDocument, type Setup, setupSchema } from '../../federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../json.ts';
import { identityKey } from '../../privacy/identity.ts';
import { type Identities, keyDirectory } from '../../privacy/key-messages.ts';
import type { Cohort } from '../../privacy/secure-round.ts';
import type { Directory } from '../../privacy/site-secrets.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { type Document, tryReadJson } from '../../storage/documents.ts';
import { MOST_RANGE } from './plan-faults.ts';

/** A cohort whose keys are signed by the identities that its document names. */
export interface OpenCohort {
  readonly document: CohortDocument;
  readonly cohort: Cohort;
  readonly identities: Identities;
  readonly directory: Directory;
}

/** The cohort of a document, bound to its terms and members. */
export const boundCohort = ({ cohort, terms, members }: CohortDocument): Cohort => ({
  ...cohort,
  agreed: sha256Hex(canonicalJson({ terms, members })),
});

/** Opens a cohort's document. Throws `BAD_MESSAGE` unless every site has signed its keys for this stage. */
export function openCohort(document: CohortDocument): OpenCohort {
  const { members } = document;
  const cohort = boundCohort(document);
  const identities = new Map(members.map(({ site, identity }) => [site, identityKey(identity)]));
  const directory = keyDirectory(
    cohort,
    members.map(({ keys }) => keys),
    identities,
  );
  return { document, cohort, identities, directory };
}

/** The last attempt to set a stage up; undefined before the first one. */
export async function latestSetup(
  store: Pick<FederationStore, 'bucket' | 'tryGet'>,
  at: StageAddress,
): Promise<Document<Setup> | undefined> {
  let latest: Document<Setup> | undefined;
  for (let attempt = 1; ; attempt++) {
    const next = await tryReadJson(store, federationKeys.setup({ ...at, attempt }), setupSchema);
    if (!next) return latest;
    latest = next;
  }
}

/** Most that a site's update may weigh; 0 for a site outside of the cohort. */
export const mostSamplesOf = ({ members }: CohortDocument, site: string): number =>
  members.find((member) => member.site === site)?.samples ?? 0;

/**
 * Most cases that a member of a cohort may count, more than a hospital has. All that is claimed together makes the step of the fixed
 * point coarser: with a claim of 10⁹, the updates of all others round to 0, and the sum is the update of the one that does not.
 * Up to here, one case of n sites has about 2¹⁴ / n steps up to the range, or more: 256 with 64 sites that all claim the most.
 */
export const MOST_CASES = 2 ** 17;

/**
 * Throws `BAD_CONFIGURATION` if the fixed point is so coarse that the updates of some sites could round to 0. Not for noise, whose
 * fixed point follows from the noise alone.
 */
export function requireFineStep({ members, terms }: Pick<CohortDocument, 'members' | 'terms'>): void {
  const reasons = [
    ...(terms.range > MOST_RANGE ? [`its range of ${terms.range} is more than ${MOST_RANGE}`] : []),
    ...members
      .filter(({ samples }) => samples > MOST_CASES)
      .map(({ site, samples }) => `it counts ${samples} cases of ${site}, more than ${MOST_CASES}`),
  ];
  if (reasons.length === 0) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Secure aggregation: the cohort would round small updates to nothing: ${reasons.join('; ')}.`,
    { hint: 'Ask the coordinator why.' },
  );
}
