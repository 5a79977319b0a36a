import { parseCampaignKey, parseCaseKey, parseUpdateKey, roundOf } from '../../lib/federation/keys.ts';
import { gpuTaskAddressSchema, s3EventSchema } from '../../lib/federation/schemas.ts';
import { printable } from '../../lib/printable.ts';

/** What a message is about, in words: the case, the round or the campaign. Any body gives a text that is safe to print. */
export function describeMessage(body: string): string {
  const value = jsonOf(body);
  const task = gpuTaskAddressSchema.safeParse(value);
  if (task.success) {
    const { campaign, stage, round, site } = task.data;
    return `GPU task of ${site}: campaign ${campaign}, ${stage} round ${round}`;
  }
  const event = s3EventSchema.safeParse(value);
  if (!event.success) return `unknown message: ${shortened(printable(body))}`;
  if (!('Records' in event.data)) return 'test event of S3';
  return event.data.Records.map(({ eventName, s3 }) => {
    const verb = eventName.startsWith('ObjectRemoved') ? 'removed' : 'written';
    return printable(`${subjectOf(keyOf(s3.object.key))} ${verb} in ${s3.bucket.name}`);
  }).join('; ');
}

/** The object that a key names, in words. */
function subjectOf(key: string): string {
  const file = parseCaseKey(key);
  if (file) {
    const { part, caseId, use } = file;
    const what = part.kind === 'image' ? 'CT' : part.kind === 'label' ? `label ${part.task}` : `file ${part.name}`;
    return `${what} of ${use === 'evaluation' ? 'held-out ' : ''}case ${caseId}`;
  }
  const at = roundOf(key);
  if (at) {
    const { campaign, stage, round: number } = at;
    const update = parseUpdateKey(key);
    return `${update?.id ? `update of ${update.site}` : key.split('/').at(-1)} for campaign ${campaign}, ${stage} round ${number}`;
  }
  const campaign = parseCampaignKey(key);
  return campaign === undefined ? `object ${key}` : `${key.split('/').at(-1)} of campaign ${campaign}`;
}

/** S3 encodes keys like form fields. A key that is not encoded rightly is shown as it is. */
function keyOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return encoded;
  }
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const SHOWN = 120;
const shortened = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
