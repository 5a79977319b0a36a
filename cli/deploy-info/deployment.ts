import type { Federation, Site } from '../../lib/federation/schemas.ts';
import { names, placeOf } from '../../lib/federation/topology.ts';

/** Outputs of stacks, as `cdk deploy --outputs-file` writes them. */
export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What was deployed for the coordinator, or for a site. */
export interface Part {
  /** Undefined for the coordinator. */
  readonly site: string | undefined;
  readonly account: string | undefined;
  readonly region: string | undefined;
  /** Outputs of its stacks by name, such as `UploadRoleArn`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Stacks that are not deployed, or cannot be seen. */
  readonly missing: readonly string[];
}

/** Outputs that only other stacks read. */
const INTERNAL = /^(PublishOutput|ExportsOutput)/;

/** What was deployed, the coordinator's first. */
export const deploymentOf = (federation: Federation, stacks: StackOutputs): readonly Part[] =>
  [undefined, ...federation.sites].map((site) => partOf(federation, site, stacks));

function partOf(federation: Federation, site: Site | undefined, stacks: StackOutputs): Part {
  const { account, region } = placeOf(federation, site);
  const own = stackNames(federation, site);
  const outputs = own.flatMap((name) => Object.entries(stacks[name] ?? {}));
  return {
    site: site?.id,
    account,
    region,
    outputs: Object.fromEntries(outputs.filter(([name]) => !INTERNAL.test(name))),
    missing: own.filter((name) => !Object.hasOwn(stacks, name)),
  };
}

/** The stacks of the coordinator or of a site. Of outputs with the same name, the last one's counts. */
function stackNames({ id }: Federation, site: Site | undefined): readonly string[] {
  if (site) return ['data', 'compute'].map((kind) => `${names.siteBucket(id, site.id)}-${kind}`);
  return [
    ...['data', 'compute'].map((kind) => `${names.federationBucket(id)}-${kind}`),
    ...['images', 'observability'].map((kind) => `${id}-${kind}`),
  ];
}
