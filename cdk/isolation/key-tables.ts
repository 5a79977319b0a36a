import type { Encryption } from '../../lib/federation/schemas.ts';
import { FEDERATION_ROLES, MACHINE_ROLE, SITE_ROLES } from '../../lib/federation/topology.ts';
import { parseTable } from './design.ts';
import { onKey, tableOf } from './matrix.ts';
import { type Comparison, callersOf } from './tables.ts';
import type { World } from './world.ts';

/**
 * What each role may do with keys, for each choice of `encryption`. Written by hand, as the tables of `design.ts`: d decrypt,
 * g generate a data key, through S3 for the objects of a bucket, or through SQS for messages. A row `shared key alone` stands
 * for a request that names no bucket. With `s3-managed` there are no keys.
 */
const DESIGN = {
  'shared-key': {
    sites: `
                        intake  rescan  dispatch  job-failed  task  upload  withdraw
  own bucket            dg      dg      dg        .           dg    dg      dg
  another's bucket      .       .       .         .           .     .       .
  federation bucket     dg      dg      dg        dg          dg    d       dg
  shared key alone      .       .       .         .           .     .       .
`,
    machine: `
                        machine
  another's bucket      .
  federation bucket     dg
  shared key alone      .
`,
    coordinator: `
                        orchestrate  aggregate  sweep  merge  research
  another's bucket      .            .          .      .      .
  federation bucket     dg           dg         dg     dg     dg
  shared key alone      .            .          .      .      .
`,
  },
  'key-per-bucket': {
    sites: `
                        intake  rescan  dispatch  job-failed  task  upload  withdraw
  own bucket            dg      dg      dg        .           dg    dg      dg
  own queues            d       .       d         .           .     .       .
  another's bucket      .       .       .         .           .     .       .
  another's queues      .       .       .         .           .     .       .
  federation bucket     dg      dg      dg        dg          dg    d       dg
  federation's queues   .       .       .         .           .     .       .
`,
    machine: `
                        machine
  own queues            d
  another's bucket      .
  another's queues      .
  federation bucket     dg
  federation's queues   .
`,
    coordinator: `
                        orchestrate  aggregate  sweep  merge  research
  another's bucket      .            .          .      .      .
  another's queues      dg           .          dg     .      .
  federation bucket     dg           dg         dg     dg     dg
  federation's queues   d            d          .      .      .
`,
  },
} as const satisfies Readonly<Partial<Record<Encryption, Readonly<Record<string, string>>>>>;

/** Choices of `encryption` with keys. */
export const KEYED: readonly (keyof typeof DESIGN)[] = ['shared-key', 'key-per-bucket'];

const SUBJECTS: Readonly<Record<string, (site: string, other: string) => string>> = {
  'own bucket': (site) => `alias/heart-site-${site}`,
  'own queues': (site) => `alias/heart-site-${site}-queues`,
  "another's bucket": (_site, other) => `alias/heart-site-${other}`,
  "another's queues": (_site, other) => `alias/heart-site-${other}-queues`,
  'federation bucket': () => 'alias/heart-federation',
  "federation's queues": () => 'alias/heart-federation-queues',
  'shared key alone': () => 'alias/heart',
};

/**
 * Compares all roles on all keys, as the tables of the other subjects do. `site` stands for all sites in the coordinator's
 * account, `machine` for the on-premises ones, `other` for another site.
 *
 * @param world of a federation with this encryption
 */
export async function compareKeys(
  world: World,
  encryption: (typeof KEYED)[number],
  { site, machine, other }: { readonly site: string; readonly machine: string; readonly other: string },
): Promise<readonly Comparison[]> {
  const compare = async (title: string, text: string, owner: string, prefix: string, roles: readonly string[]) => {
    const expected = parseTable(text);
    const subjects = Object.fromEntries(
      Object.keys(expected).map((row) => [row, SUBJECTS[row]?.(owner, other) as string]),
    );
    const actual = await tableOf(world, onKey, subjects, callersOf(world, prefix, roles));
    return { title: `${title} and keys, \`${encryption}\``, expected, actual };
  };
  const { sites, machine: ofMachine, coordinator } = DESIGN[encryption];
  return [
    await compare("A site's roles", sites, site, `heart-${site}`, SITE_ROLES),
    await compare("An on-premises site's role", ofMachine, machine, `heart-${machine}`, [MACHINE_ROLE]),
    await compare("The coordinator's roles", coordinator, site, 'heart', FEDERATION_ROLES),
  ];
}
