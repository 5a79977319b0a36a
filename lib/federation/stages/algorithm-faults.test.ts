import { expect, test } from 'vitest';
import { type CampaignInput, campaignSchema } from '../schemas.ts';

type Stage = CampaignInput['stages'][number];
const training = { steps: 1, learningRate: 0.001 };
const teacher = (fields: object): Stage =>
  ({
    kind: 'teacher',
    name: 'teacher',
    task: 'hinge-points',
    rounds: 1,
    model: { kind: 'unet', features: [4, 8] },
    training,
    ...fields,
  }) as Stage;
const probe = (fields: object): Stage =>
  ({ kind: 'probe', name: 'probe', of: 'teacher', task: 'coronary-arteries', rounds: 1, training, ...fields }) as Stage;

const faultsOf = (...stages: Stage[]): readonly string[] =>
  campaignSchema
    .safeParse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages })
    .error?.issues.map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`) ?? [];
const by = (name: string, fields: object = {}) => ({ ...training, algorithm: { name, ...fields } });

test.each<readonly [string, readonly Stage[]]>([
  ['no algorithm', [teacher({})]],
  ['SCAFFOLD', [teacher({ training: by('scaffold') })]],
  [
    'SCAFFOLD with clipping and half floats',
    [
      teacher({
        training: by('scaffold'),
        aggregation: { strategy: 'fedavg', clipFactor: 2, clipNorm: 10, untrained: 'skip' },
        encoding: { dtype: 'F16', delta: true },
      }),
    ],
  ],
  ['FedPer with FedBN', [teacher({ training: { ...by('fedper'), localParameters: ['*norm*'] } })]],
  ['FedPer from imported weights', [teacher({ training: by('fedper'), init: 'a'.repeat(64) })]],
  ['Ditto with FedProx', [teacher({ training: { ...by('ditto', { lambda: 1 }), proximal: 0.1 } })]],
  ['a probe of a FedPer body', [teacher({ training: by('fedper') }), probe({})]],
])('%s is accepted', (_, stages) => {
  expect(faultsOf(...stages)).toEqual([]);
});

test.each<readonly [string, readonly Stage[]]>([
  [
    '0.training: scaffold cannot be combined with proximal',
    [teacher({ training: { ...by('scaffold'), proximal: 1 } })],
  ],
  [
    '0.training: scaffold cannot be combined with localParameters',
    [teacher({ training: { ...by('scaffold'), localParameters: ['*norm*'] } })],
  ],
  ...['fedavgm', 'fedadam', 'fedyogi', 'median', 'trimmed-mean', 'krum', 'multi-krum'].map(
    (strategy) =>
      [
        `0.aggregation: scaffold needs the strategy fedavg: ${strategy}`,
        [teacher({ training: by('scaffold'), aggregation: { strategy } })],
      ] as const,
  ),
  [
    '0.training: ditto cannot be combined with localParameters',
    [teacher({ training: { ...by('ditto', { lambda: 1 }), localParameters: ['*norm*'] } })],
  ],
  ['0.training.algorithm.lambda', [teacher({ training: by('ditto') })]],
  ['0.training.algorithm.lambda', [teacher({ training: by('ditto', { lambda: -1 }) })]],
  ['0.training.algorithm', [teacher({ training: by('fedsgd') })]],
  ...['scaffold', 'fedper'].map(
    (name) => ['1.training: a probe compares features', [teacher({}), probe({ training: by(name) })]] as const,
  ),
])('%s …', (message, stages) => {
  expect(faultsOf(...stages)).toEqual([expect.stringContaining(message)]);
});
