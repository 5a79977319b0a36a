import type { ResourceSnapshot, Snapshot } from './snapshot.ts';

/** Types of resources that hold what cannot be made again. */
const DATA = ['S3::Bucket', 'SQS::Queue', 'KMS::Key', 'ECR::Repository', 'Logs::LogGroup'].map(
  (type) => `AWS::${type}`,
);

export interface Change {
  /**
   * - `lost`: the stack has this data no more: CloudFormation deletes or abandons it.
   * - `replaced`: the data is created anew, empty.
   * - `conflict`: the resource needs a name that another still has during the update, so that the update fails.
   */
  readonly kind: 'lost' | 'replaced' | 'conflict';
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  readonly name?: string;
}

interface Entry extends ResourceSnapshot {
  readonly stack: string;
  readonly id: string;
}

const entriesOf = (snapshot: Snapshot): readonly Entry[] =>
  Object.entries(snapshot).flatMap(([stack, resources]) =>
    Object.entries(resources).map(([id, resource]) => ({ ...resource, stack, id })),
  );
const keyOf = ({ stack, id, type }: Entry) => `${stack}/${id}/${type}`;

/**
 * What the deployment of one set of templates over another does to data, and where it fails. CloudFormation creates before it
 * deletes: a resource cannot take a name that one of the earlier templates has.
 */
export function changesBetween(before: Snapshot, after: Snapshot): readonly Change[] {
  const now = new Map(entriesOf(after).map((entry) => [keyOf(entry), entry]));
  const earlier = new Map(entriesOf(before).map((entry) => [keyOf(entry), entry]));
  const isReplaced = (entry: Entry) => {
    const next = now.get(keyOf(entry));
    return next !== undefined && JSON.stringify(next.replacing) !== JSON.stringify(entry.replacing);
  };
  const change = (kind: Change['kind'], { stack, id, type, name }: Entry): Change => ({
    kind,
    stack,
    id,
    type,
    ...(name === undefined ? {} : { name }),
  });
  const data = [...earlier.values()].filter(({ type }) => DATA.includes(type));
  const names = new Set([...earlier.values()].flatMap(({ type, name }) => (name ? [`${type} ${name}`] : [])));
  const isNew = (entry: Entry) => {
    const old = earlier.get(keyOf(entry));
    return old === undefined || isReplaced(old);
  };
  return [
    ...data.filter((entry) => !now.has(keyOf(entry))).map((entry) => change('lost', entry)),
    ...data.filter(isReplaced).map((entry) => change('replaced', entry)),
    ...[...now.values()]
      .filter((entry) => isNew(entry) && entry.name !== undefined && names.has(`${entry.type} ${entry.name}`))
      .map((entry) => change('conflict', entry)),
  ];
}
