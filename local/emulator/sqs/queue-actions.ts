import { z } from 'zod';
import { type Action, action, arnOf, queueAt, queueNameOf, queueUrl, type SqsContext, strings } from './action.ts';
import {
  checkAttributes,
  DEFAULT_ATTRIBUTES,
  mergedAttributes,
  type QueueAttributes,
  redrivePolicyOf,
} from './attributes.ts';
import { SqsError } from './error.ts';
import type { Queue, QueueSettings } from './store.ts';

const NAME = /^[\w-]{1,80}$/;

/** Idempotent if the attributes are the same. */
const createQueue = action(
  z.strictObject({ QueueName: z.string(), Attributes: strings.default({}), tags: strings.default({}) }),
  (context, { QueueName: name, Attributes, tags }) => {
    if (!NAME.test(name))
      throw new SqsError(
        'InvalidParameterValue',
        'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.',
      );
    checkAttributes(Attributes, exists(context));
    const existing = context.store.queue(name);
    const differs = Object.entries(Attributes).some(([key, value]) => existing?.attributes[key] !== value);
    if (existing && differs) throw new SqsError('QueueNameExists');
    const now = context.store.now();
    const attributes = mergedAttributes(DEFAULT_ATTRIBUTES, Attributes);
    if (!existing) context.store.commit({ op: 'queue', name, attributes, tags, createdAt: now, modifiedAt: now });
    return { QueueUrl: context.urlOf(name) };
  },
);

const exists =
  ({ store }: SqsContext) =>
  (arn: string) =>
    store.queue(queueNameOf(arn)) !== undefined;

const deleteQueue = action(z.strictObject({ QueueUrl: queueUrl }), (context, { QueueUrl }) => {
  context.store.commit({ op: 'delete-queue', name: queueAt(context, QueueUrl).name });
  return {};
});

const getQueueUrl = action(
  z.strictObject({ QueueName: z.string(), QueueOwnerAWSAccountId: z.string().optional() }),
  (context, { QueueName }) => ({ QueueUrl: context.urlOf(queueAt(context, QueueName).name) }),
);

/** A page of queues in the order of their names. The token is the last name. */
const listQueues = action(
  z.strictObject({
    QueueNamePrefix: z.string().default(''),
    MaxResults: z.int().min(1).max(1000).optional(),
    NextToken: z.string().optional(),
  }),
  (context, { QueueNamePrefix, MaxResults = 1000, NextToken = '' }) => {
    const names = Array.from(context.store.queues(), ({ name }) => name).filter((name) =>
      name.startsWith(QueueNamePrefix),
    );
    return page(context, names, MaxResults, NextToken);
  },
);

const listDeadLetterSourceQueues = action(
  z.strictObject({
    QueueUrl: queueUrl,
    MaxResults: z.int().min(1).max(1000).optional(),
    NextToken: z.string().optional(),
  }),
  (context, { QueueUrl, MaxResults = 1000, NextToken = '' }) => {
    const { QueueUrls, ...rest } = page(context, sourcesOf(context, queueAt(context, QueueUrl)), MaxResults, NextToken);
    return { queueUrls: QueueUrls ?? [], ...rest };
  },
);

function page({ urlOf }: SqsContext, names: readonly string[], max: number, after: string) {
  const behind = names.filter((name) => name > after).sort();
  const some = behind.slice(0, max);
  return {
    ...(some.length > 0 ? { QueueUrls: some.map(urlOf) } : {}),
    ...(some.length < behind.length ? { NextToken: some.at(-1) } : {}),
  };
}

/** Names of the queues that send their dead letters to a queue. */
export const sourcesOf = ({ store }: Pick<SqsContext, 'store'>, { name }: Queue): readonly string[] =>
  Array.from(store.queues()).flatMap((queue) => {
    const target = redrivePolicyOf(queue.attributes)?.deadLetterTargetArn;
    return target !== undefined && queueNameOf(target) === name ? [queue.name] : [];
  });

const getQueueAttributes = action(
  z.strictObject({ QueueUrl: queueUrl, AttributeNames: z.array(z.string()).default([]) }),
  (context, { QueueUrl, AttributeNames }) => {
    const known = allAttributes(context, queueAt(context, QueueUrl));
    if (AttributeNames.includes('All')) return { Attributes: known };
    const asked = AttributeNames.filter((name) => Object.hasOwn(known, name));
    return asked.length > 0 ? { Attributes: Object.fromEntries(asked.map((name) => [name, known[name]])) } : {};
  },
);

function allAttributes(context: SqsContext, queue: Queue): QueueAttributes {
  const now = context.store.now();
  const visible = queue.visibility.visibleCount(now);
  let delayed = 0;
  for (const { receives, visibleAt } of queue.messages.values()) if (receives === 0 && visibleAt > now) delayed++;
  return {
    ...queue.attributes,
    QueueArn: arnOf(context, queue.name),
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    ApproximateNumberOfMessagesNotVisible: String(queue.messages.size - visible - delayed),
    CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedAt / 1000)),
  };
}

const setQueueAttributes = action(
  z.strictObject({ QueueUrl: queueUrl, Attributes: strings }),
  (context, { QueueUrl, Attributes }) => {
    const { name } = queueAt(context, QueueUrl);
    checkAttributes(Attributes, (arn) => queueNameOf(arn) !== name && exists(context)(arn));
    update(context, QueueUrl, ({ attributes }) => ({ attributes: mergedAttributes(attributes, Attributes) }));
    return {};
  },
);

function update(context: SqsContext, url: string, changes: (queue: Queue) => Partial<QueueSettings>): void {
  const queue = queueAt(context, url);
  const { name, attributes, tags, createdAt } = queue;
  const modifiedAt = context.store.now();
  context.store.commit({ op: 'queue', name, attributes, tags, createdAt, modifiedAt, ...changes(queue) });
}

const purgeQueue = action(z.strictObject({ QueueUrl: queueUrl }), (context, { QueueUrl }) => {
  context.store.commit({ op: 'purge', name: queueAt(context, QueueUrl).name });
  return {};
});

const tagQueue = action(z.strictObject({ QueueUrl: queueUrl, Tags: strings }), (context, { QueueUrl, Tags }) => {
  update(context, QueueUrl, ({ tags }) => ({ tags: { ...tags, ...Tags } }));
  return {};
});

const untagQueue = action(
  z.strictObject({ QueueUrl: queueUrl, TagKeys: z.array(z.string()) }),
  (context, { QueueUrl, TagKeys }) => {
    const remaining = ({ tags }: Queue) => Object.entries(tags).filter(([key]) => !TagKeys.includes(key));
    update(context, QueueUrl, (queue) => ({ tags: Object.fromEntries(remaining(queue)) }));
    return {};
  },
);

const listQueueTags = action(z.strictObject({ QueueUrl: queueUrl }), (context, { QueueUrl }) => ({
  Tags: queueAt(context, QueueUrl).tags,
}));

export const QUEUE_ACTIONS = {
  CreateQueue: createQueue,
  DeleteQueue: deleteQueue,
  GetQueueAttributes: getQueueAttributes,
  GetQueueUrl: getQueueUrl,
  ListDeadLetterSourceQueues: listDeadLetterSourceQueues,
  ListQueues: listQueues,
  ListQueueTags: listQueueTags,
  PurgeQueue: purgeQueue,
  SetQueueAttributes: setQueueAttributes,
  TagQueue: tagQueue,
  UntagQueue: untagQueue,
} satisfies Readonly<Record<string, Action>>;
