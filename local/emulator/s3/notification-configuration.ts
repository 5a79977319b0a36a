import { receiveDocument } from './body.ts';
import { bucketName, type Operation } from './context.ts';
import { S3Error } from './error.ts';
import { testMessage } from './notifications.ts';
import type { NotificationRule } from './state.ts';
import { childrenOf, element, parseXml, textOf, type XmlNode, xmlDocument } from './xml.ts';

const EVENT_TYPES = [
  's3:ObjectCreated:*',
  's3:ObjectCreated:Put',
  's3:ObjectCreated:Copy',
  's3:ObjectCreated:CompleteMultipartUpload',
  's3:ObjectRemoved:*',
  's3:ObjectRemoved:Delete',
];

/** AWS's limit for a bucket. Each pair of rules is compared. */
const MAX_RULES = 100;

/** PutBucketNotificationConfiguration. Each queue gets a test message first, as on AWS. */
export const putNotification: Operation = async ({ store, sendToQueue }, request) => {
  const name = bucketName(request);
  store.bucket(name);
  const rules = parseNotificationConfiguration(await receiveDocument(request), store.newId);
  for (const { queueArn } of rules) {
    const sent = await sendToQueue(queueArn, testMessage(name, store.now(), request.id));
    if (!sent)
      throw new S3Error('InvalidArgument', `Unable to validate the destination configuration: no queue ${queueArn}.`);
  }
  store.commit({ op: 'notify', bucket: store.bucket(name).name, rules });
  return { status: 200 };
};

/** GetBucketNotificationConfiguration. */
export const getNotification: Operation = async ({ store }, request) => {
  const rules = store
    .bucket(bucketName(request))
    .rules.map((rule) =>
      element(
        'QueueConfiguration',
        element('Id', rule.id),
        element('Queue', rule.queueArn),
        ...rule.events.map((event) => element('Event', event)),
        element('Filter', element('S3Key', filterRule('Prefix', rule.prefix), filterRule('Suffix', rule.suffix))),
      ),
    );
  return { status: 200, body: xmlDocument('NotificationConfiguration', ...rules) };
};

const filterRule = (name: string, value: string) =>
  value === '' ? undefined : element('FilterRule', element('Name', name), element('Value', value));

/**
 * Reads a bucket's notification configuration.
 *
 * @throws S3Error MalformedXML; NotImplemented for targets other than queues; InvalidArgument for an unknown event, two
 *   rules with the same id, or rules that overlap
 */
export function parseNotificationConfiguration(source: string, newId: () => string): readonly NotificationRule[] {
  const document = parseXml(source);
  if (document.name !== 'NotificationConfiguration') throw new S3Error('MalformedXML');
  if (document.children.length > MAX_RULES) {
    throw new S3Error('InvalidArgument', `A bucket can have at most ${MAX_RULES} configurations.`);
  }
  const rules = document.children.map((node) => {
    if (node.name !== 'QueueConfiguration') {
      throw new S3Error('NotImplemented', `This server notifies queues only and does not implement ${node.name}.`);
    }
    return readRule(node, newId);
  });
  if (new Set(rules.map((rule) => rule.id)).size < rules.length) {
    throw new S3Error('InvalidArgument', 'The same Id is used by two configurations.');
  }
  rules.forEach((rule, index) => {
    const other = rules.slice(index + 1).find((later) => overlaps(rule, later));
    if (other) {
      throw new S3Error(
        'InvalidArgument',
        `Configurations overlap. Configurations on the same bucket cannot share a common event type (${rule.id}, ${other.id}).`,
      );
    }
  });
  return rules;
}

function readRule(node: XmlNode, newId: () => string): NotificationRule {
  const queueArn = textOf(node, 'Queue');
  const events = childrenOf(node, 'Event').map((event) => event.text);
  if (!queueArn || events.length === 0) throw new S3Error('MalformedXML');
  for (const event of events) {
    if (!EVENT_TYPES.includes(event))
      throw new S3Error('InvalidArgument', `The event ${event} is not supported for notifications.`);
  }
  const filters = childrenOf(node, 'Filter')
    .flatMap((filter) => childrenOf(filter, 'S3Key'))
    .flatMap((key) => childrenOf(key, 'FilterRule'))
    .map((rule) => [textOf(rule, 'Name')?.toLowerCase() ?? '', textOf(rule, 'Value') ?? ''] as const);
  const byName = new Map(filters);
  if (byName.size < filters.length || filters.some(([name]) => name !== 'prefix' && name !== 'suffix')) {
    throw new S3Error('InvalidArgument', 'A filter takes one prefix and one suffix.');
  }
  return {
    id: textOf(node, 'Id') || newId(),
    queueArn,
    events,
    prefix: byName.get('prefix') ?? '',
    suffix: byName.get('suffix') ?? '',
  };
}

/** Whether both rules could match the same event of a key, which AWS forbids. */
function overlaps(a: NotificationRule, b: NotificationRule): boolean {
  const prefixes = a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
  const suffixes = a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix);
  return prefixes && suffixes && a.events.some((event) => b.events.some((other) => eventsOverlap(event, other)));
}

function eventsOverlap(a: string, b: string): boolean {
  const stem = (event: string) => (event.endsWith(':*') ? event.slice(0, -1) : event);
  return a === b || (a.endsWith(':*') && b.startsWith(stem(a))) || (b.endsWith(':*') && a.startsWith(stem(b)));
}
