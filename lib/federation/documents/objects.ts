import { FEDERATION_ACCESS, isLike, machineAccess, type ObjectAccess, siteAccess } from '../access.ts';
import { OBJECT_KINDS, type ObjectKind, ROUND_PREFIX } from '../objects.ts';
import { FEDERATION_ROLES, SITE_ROLES } from '../topology.ts';
import { code, markdownTable } from './markdown.ts';

/** How documents call roles whose name does not say who uses them. */
const ROLE_NAMES: Readonly<Record<string, string>> = {
  task: 'GPU task',
  upload: 'hospital',
  withdraw: 'withdraw role',
  research: 'researcher',
};

const SITE = 'berlin';
const NAMES: Readonly<Record<string, string>> = { site: SITE, stage: 'teacher/hinge-points', round: '0001' };

/** A key of this kind. */
export const sampleKey = ({ key }: ObjectKind): string =>
  key.replace(/<(\w+)>/g, (_, name: string) => NAMES[name] ?? 'x');

/** The roles that access.ts lets read or write objects of this kind, in words. */
function rolesThat(may: 'read' | 'write', kind: ObjectKind): string {
  const key = sampleKey(kind);
  const allows = (access: ObjectAccess) => (access[may] ?? []).some((pattern) => isLike(key, pattern));
  const own = siteAccess(SITE);
  const ofSite = SITE_ROLES.filter((role) => allows(kind.bucket === 'site' ? own[role].own : own[role].federation));
  const ofFederation = kind.bucket === 'site' ? [] : FEDERATION_ROLES.filter((role) => allows(FEDERATION_ACCESS[role]));
  const coordinator = ofFederation.length === FEDERATION_ROLES.length ? ['all roles of the coordinator'] : ofFederation;
  return [...ofSite, ...coordinator].map((role) => ROLE_NAMES[role] ?? role).join(', ');
}

function tableOf(kinds: readonly ObjectKind[], keyOf: (kind: ObjectKind) => string): string {
  const rows = kinds.map((kind) => {
    const what = [kind.what, kind.lifetime].filter((part) => part !== undefined).join('; ');
    return [code(keyOf(kind)), what, rolesThat('write', kind), rolesThat('read', kind)];
  });
  return markdownTable(['key', 'what', 'written by', 'read by'], rows);
}

const isOfRound = ({ key }: ObjectKind): boolean => key.startsWith(ROUND_PREFIX);
const inBucket = (bucket: ObjectKind['bucket']) => OBJECT_KINDS.filter((kind) => kind.bucket === bucket);

export const siteObjectsTable = (): string => tableOf(inBucket('site'), ({ key }) => key);

export const campaignObjectsTable = (): string =>
  tableOf(
    inBucket('federation').filter((kind) => !isOfRound(kind)),
    ({ key }) => key,
  );

export const roundObjectsTable = (): string =>
  tableOf(inBucket('federation').filter(isOfRound), ({ key }) => key.slice(ROUND_PREFIX.length));

/** What the machine of an on-premises site may send: the kinds of objects that its role may write. */
export function sentObjectsTable(): string {
  const { write = [] } = machineAccess(SITE);
  const sent = inBucket('federation').filter((kind) => write.some((pattern) => isLike(sampleKey(kind), pattern)));
  // A site may write every object below its prefix; the coordinator's refusals of its updates lie there too.
  const own = sent.filter(({ key }) => !key.endsWith('.refusal.json'));
  return markdownTable(
    ['key', 'content'],
    own.map(({ key, what }) => [code(key), what]),
  );
}

/** The examples in docs/events/ of stored objects. */
export function exampleObjectsTable(): string {
  const examples = [...new Set(OBJECT_KINDS.flatMap((kind) => kind.examples ?? []))];
  const rows = examples.map((example) => {
    const kinds = OBJECT_KINDS.filter((kind) => kind.examples?.includes(example));
    const keys = kinds.map(({ bucket, key }) => `${bucket} bucket, ${code(key)}`);
    const of = (may: 'read' | 'write') => [...new Set(kinds.map((kind) => rolesThat(may, kind)))].join('; ');
    return [code(example), keys.join('; '), of('write'), of('read')];
  });
  return markdownTable(['example', 'bucket and key', 'written by', 'read by'], rows);
}
