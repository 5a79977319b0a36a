import { FEDERATION_ROLES, MACHINE_ROLE, SITE_ROLES } from '../../lib/federation/topology.ts';
import * as design from './design.ts';
import { onObject, onQueue, tableOf } from './matrix.ts';
import type { Caller } from './simulate.ts';
import { federationObjects, QUEUES, SITE_OBJECTS } from './subjects.ts';
import type { World } from './world.ts';

/** Access that AWS would allow (`actual`) and that the design allows (`expected`). They must be equal. */
export interface Comparison {
  readonly title: string;
  readonly expected: design.Table;
  readonly actual: design.Table;
}

export const callersOf = (world: World, prefix: string, roles: readonly string[]): Readonly<Record<string, Caller>> =>
  Object.fromEntries(
    roles.map((role) => {
      const found = world.roles.get(`${prefix}-${role}`);
      if (!found) throw new Error(`the templates have no role ${prefix}-${role}`);
      return [role, found];
    }),
  );

const named = (of: Readonly<Record<string, (site: string, other: string) => string>>, site: string, other: string) =>
  Object.fromEntries(Object.entries(of).map(([name, make]) => [name, make(site, other)]));

const rowsOf = (expected: design.Table, subjects: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.keys(expected).map((row) => [row, subjects[row] as string]));

/** Compares every role of `site` on every subject; `other` stands for the other sites. */
export async function compareSite(world: World, site: string, other: string): Promise<readonly Comparison[]> {
  const callers = callersOf(world, `heart-${site}`, SITE_ROLES);
  const table = (text: string) => design.parseTable(text);
  return [
    {
      title: "A site's roles in its own bucket",
      expected: table(design.OWN_BUCKET),
      actual: await tableOf(world, onObject(`heart-site-${site}`), SITE_OBJECTS, callers),
    },
    {
      title: "A site's roles in the federation bucket",
      expected: table(design.FEDERATION_BUCKET_OF_SITES),
      actual: await tableOf(world, onObject('heart-federation'), federationObjects(site, other), callers),
    },
    {
      title: "A site's roles and queues",
      expected: table(design.QUEUES_OF_SITES),
      actual: await tableOf(world, onQueue, named(QUEUES, site, other), callers),
    },
  ];
}

const compare = async (
  world: World,
  callers: Readonly<Record<string, Caller>>,
  title: string,
  text: string,
  cell: typeof onQueue,
  subjects: Readonly<Record<string, string>>,
): Promise<Comparison> => {
  const expected = design.parseTable(text);
  return { title, expected, actual: await tableOf(world, cell, rowsOf(expected, subjects), callers) };
};

/** Compares the role of an on-premises site; `other` stands for the other sites. */
export async function compareMachine(world: World, site: string, other: string): Promise<readonly Comparison[]> {
  const callers = callersOf(world, `heart-${site}`, [MACHINE_ROLE]);
  const about = (...args: [string, string, typeof onQueue, Readonly<Record<string, string>>]) =>
    compare(world, callers, ...args);
  return [
    await about(
      "An on-premises site's role in the federation bucket",
      design.FEDERATION_BUCKET_OF_MACHINE,
      onObject('heart-federation'),
      federationObjects(site, other),
    ),
    await about("An on-premises site's role and queues", design.QUEUES_OF_MACHINE, onQueue, named(QUEUES, site, other)),
  ];
}

/** Compares every role of the coordinator; `site` stands for all sites. */
export async function compareCoordinator(world: World, site: string): Promise<readonly Comparison[]> {
  const callers = callersOf(world, 'heart', FEDERATION_ROLES);
  const about = (...args: [string, string, typeof onQueue, Readonly<Record<string, string>>]) =>
    compare(world, callers, ...args);
  return [
    await about(
      "The coordinator's roles in the federation bucket",
      design.FEDERATION_BUCKET_OF_COORDINATOR,
      onObject('heart-federation'),
      federationObjects('', site),
    ),
    await about("The coordinator's roles and queues", design.QUEUES_OF_COORDINATOR, onQueue, named(QUEUES, '', site)),
  ];
}
