import type { Table } from './design.ts';
import { type Caller, isAllowed } from './simulate.ts';
import type { Guarded, World } from './world.ts';

/** Letters for what AWS would allow, as in `design.ts`. `.` is nothing. */
type Cell = (world: World, caller: Caller, subject: string) => Promise<string>;

const found = <T extends Guarded>(map: ReadonlyMap<string, T>, name: string): T => {
  const one = map.get(name);
  if (!one) throw new Error(`the templates have no ${name}`);
  return one;
};

async function letters(asked: Readonly<Record<string, () => Promise<boolean>>>): Promise<string> {
  let text = '';
  for (const [letter, ask] of Object.entries(asked)) if (await ask()) text += letter;
  return text || '.';
}

/** Letters for the access of a caller to an object. Reading and writing also need the use of the bucket's key. */
export const onObject =
  (bucket: string): Cell =>
  async (world, caller, key) => {
    const on = found(world.buckets, bucket);
    const may = (action: string, context = {}) =>
      isAllowed(world, { caller, action: `s3:${action}`, on, key, context });
    // Without a key of its own, the bucket is encrypted by S3, which asks for no permission.
    const isKeyed = world.keys.has(`alias/${bucket}`);
    const encrypted = async (letter: string) =>
      !isKeyed || (await onKey(world, caller, `alias/${bucket}`)).includes(letter);
    const replaces = (await may('PutObject')) && (await may('AbortMultipartUpload'));
    const writes = async (isAsked: boolean) => isAsked && (await encrypted('g'));
    return letters({
      r: async () => (await may('GetObject')) && (await encrypted('d')),
      c: async () => writes(!replaces && (await may('PutObject', { 's3:if-none-match': '*' }))),
      w: () => writes(replaces),
      l: () => isAllowed(world, { caller, action: 's3:ListBucket', on, context: { 's3:prefix': key } }),
      d: () => may('DeleteObject'),
      v: () => may('DeleteObjectVersion'),
    });
  };

export const onQueue: Cell = (world, caller, queue) => {
  const on = found(world.queues, queue);
  const may = (action: string) => () => isAllowed(world, { caller, action: `sqs:${action}`, on });
  return letters({ s: may('SendMessage'), r: may('ReceiveMessage'), d: may('DeleteMessage'), p: may('PurgeQueue') });
};

/** Cached answers: most objects use the same few keys. */
const asked = new WeakMap<World, Map<string, Promise<string>>>();

/** Letters for the access of a caller to a key through the service that uses it. */
export const onKey: Cell = (world, caller, alias) => {
  const known = asked.get(world) ?? new Map<string, Promise<string>>();
  asked.set(world, known);
  const id = `${caller === 'anonymous' ? caller : caller.arn} ${alias}`;
  const on = found(world.keys, alias);
  const service = alias.endsWith('-queues') ? 'sqs' : 's3';
  const context = {
    'kms:ViaService': `${service}.${on.region}.amazonaws.com`,
    'kms:ResourceAliases': on.aliases,
    ...on.context,
  };
  const may = (action: string) => () => isAllowed(world, { caller, action: `kms:${action}`, on, context });
  const answer = known.get(id) ?? letters({ d: may('Decrypt'), g: may('GenerateDataKey') });
  known.set(id, answer);
  return answer;
};

/** A table as in `design.ts`: `subjects` by row name, `callers` by column name. */
export async function tableOf(
  world: World,
  cell: Cell,
  subjects: Readonly<Record<string, string>>,
  callers: Readonly<Record<string, Caller>>,
): Promise<Table> {
  const rows: [string, Record<string, string>][] = [];
  for (const [row, subject] of Object.entries(subjects)) {
    const cells: Record<string, string> = {};
    for (const [column, caller] of Object.entries(callers)) cells[column] = await cell(world, caller, subject);
    rows.push([row, cells]);
  }
  return Object.fromEntries(rows);
}
