import { describe, expect, test } from 'vitest';
import { parseNotificationConfiguration } from './notification-configuration.ts';
import { encodeEventKey, matchingRules, type ObjectEvent } from './notifications.ts';

interface Rule {
  readonly prefix?: string;
  readonly suffix?: string;
  readonly event?: string;
  readonly id?: string;
}
const xml = (...rules: readonly Rule[]): string => {
  const configurations = rules.map(({ prefix, suffix, event = 's3:ObjectCreated:*', id }, i) => {
    const filter = Object.entries({ prefix, Suffix: suffix })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `<FilterRule><Name>${name}</Name><Value>${value}</Value></FilterRule>`);
    return `<QueueConfiguration><Id>${id ?? i}</Id><Queue>arn:q</Queue><Event>${event}</Event>
      <Filter><S3Key>${filter.join('')}</S3Key></Filter></QueueConfiguration>`;
  });
  return `<NotificationConfiguration>${configurations.join('')}</NotificationConfiguration>`;
};
const parse = (...rules: readonly Rule[]) => parseNotificationConfiguration(xml(...rules), () => 'made-up');

const event = (key: string, name: ObjectEvent['name'] = 'ObjectCreated:Put'): ObjectEvent => ({
  name,
  bucket: 'b',
  key,
  sequencer: '1',
  object: { bytes: 1, etag: 'x' },
  at: new Date(0),
  requestId: 'r',
});

describe('notification rules', () => {
  test('match events by prefix, suffix and type', () => {
    const rules = parse(
      { id: 'json', prefix: 'a/', suffix: '.json' },
      { id: 'nii', prefix: 'a/', suffix: '.nii', event: 's3:ObjectCreated:Copy' },
      { id: 'gone', event: 's3:ObjectRemoved:*' },
    );
    const matched = (event: ObjectEvent) => matchingRules(rules, event).map((rule) => rule.id);

    expect(matched(event('a/x.json'))).toEqual(['json']);
    expect(matched(event('b/x.json'))).toEqual([]);
    expect(matched(event('a/x.nii'))).toEqual([]);
    expect(matched(event('a/x.nii', 'ObjectCreated:Copy'))).toEqual(['nii']);
    expect(matched(event('b', 'ObjectRemoved:Delete'))).toEqual(['gone']);
  });

  test.each([
    ['one prefix within the other', [{ prefix: 'images' }, { prefix: 'images/jpg' }]],
    ['all keys and some', [{}, { prefix: 'a' }]],
    ['one suffix within the other', [{ suffix: '.gz' }, { suffix: '.nii.gz' }]],
    ['a prefix and a suffix that one key can have', [{ prefix: 'a' }, { suffix: 'b' }]],
    ['a type within all types', [{}, { event: 's3:ObjectCreated:Put' }]],
  ])('must not overlap: %s', (_what, rules: readonly Rule[]) => {
    expect(() => parse(...rules)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
  });

  test.each([
    ['different prefixes', [{ prefix: 'a/' }, { prefix: 'b/' }]],
    [
      'the same prefix, different suffixes',
      [
        { prefix: 'a/', suffix: '.json' },
        { prefix: 'a/', suffix: '.nii' },
      ],
    ],
    ['different types', [{}, { event: 's3:ObjectRemoved:*' }]],
  ])('may coexist: %s', (_what, rules: readonly Rule[]) => {
    expect(parse(...rules)).toHaveLength(2);
  });

  test.each([
    ['an unknown event type', xml({ event: 's3:ObjectRestore:*' }), 'InvalidArgument'],
    ['a duplicate id', xml({ id: 'x', prefix: 'a' }, { id: 'x', prefix: 'b' }), 'InvalidArgument'],
    ['a topic', '<NotificationConfiguration><TopicConfiguration/></NotificationConfiguration>', 'NotImplemented'],
    ['too many rules', xml(...Array.from({ length: 101 }, (_, i) => ({ prefix: `${i}/` }))), 'InvalidArgument'],
    ['another document', '<Tagging/>', 'MalformedXML'],
  ])('are refused with %s', (_what, source, code) => {
    expect(() => parseNotificationConfiguration(source, () => 'x')).toThrow(expect.objectContaining({ code }));
  });
});

test('form-encodes keys in events', () => {
  expect(encodeEventKey('a b/c+d/ü(1).nii.gz')).toBe('a+b/c%2Bd/%C3%BC%281%29.nii.gz');
});
