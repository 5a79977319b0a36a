import { federationKeys, type StageAddress } from '../../federation/keys.ts';
import { type CohortDocument, type Setup, setupSchema } from '../../federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../json.ts';
import { identityKey } from '../../privacy/identity.ts';
import { type Identities, keyDirectory } from '../../privacy/key-messages.ts';
import type { Cohort } from '../../privacy/secure-round.ts';
import type { Directory } from '../../privacy/site-secrets.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { type Document, tryReadJson } from '../../storage/documents.ts';

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
