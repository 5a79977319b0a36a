import { z } from 'zod';
import { listStacks } from '../../lib/aws/account/stacks.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { parseJson } from '../../lib/json.ts';
import { identify } from '../accounts/identify.ts';
import { placesOf, type ReachedPlace, requireIdentity } from '../accounts/places.ts';
import { readInput } from '../read-input.ts';
import type { StackOutputs } from './deployment.ts';

const outputsSchema = z.record(z.string(), z.record(z.string(), z.string()));

/** Reads a file of `cdk deploy --outputs-file`. @throws FedcardioError that names the file */
export const readOutputsFile = (file: string): StackOutputs => parseJson(readInput(file), outputsSchema, file);

/**
 * The outputs of all stacks in the accounts and regions of a federation, and the places that no identity reaches.
 *
 * @throws FedcardioError if AWS accepts none of the identities, or refuses to list stacks
 */
export async function readStacks(
  federation: Federation,
  profiles: readonly string[],
  endpoint: string | undefined,
): Promise<{ readonly stacks: StackOutputs; readonly unreached: readonly ReachedPlace[] }> {
  const { identities, refused } = await identify(profiles, endpoint);
  requireIdentity(identities, refused[0]?.error);
  const places = placesOf(federation, identities);
  const found = places.map(async ({ region, identity }) =>
    identity ? await listStacks({ endpoint, region, profile: identity.profile }) : [],
  );
  const stacks = (await Promise.all(found)).flat().map(({ name, outputs }) => [name, outputs] as const);
  return { stacks: Object.fromEntries(stacks), unreached: places.filter(({ identity }) => !identity) };
}
