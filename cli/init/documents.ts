import {
  type CampaignInput,
  campaignSchema,
  type Federation,
  federationSchema,
  type ModelConfig,
  type Site,
} from '../../lib/federation/schemas.ts';
import { type Task, tasksNamed } from '../../lib/federation/tasks.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { parseValue } from '../../lib/json.ts';
import { maskHeads } from '../mask-heads.ts';

/** What a person says of a new federation. */
export interface Answers {
  readonly id: string;
  readonly sites: readonly string[];
  /** AWS account and region of the coordinator; both or neither. */
  readonly account?: string | undefined;
  readonly region?: string | undefined;
  readonly campaign: string;
  readonly tasks: readonly string[];
}

/**
 * `federation.json` of the answers.
 *
 * @throws FedcardioError BAD_MESSAGE or BAD_CONFIGURATION if AWS or fedcardio cannot take them
 */
export function federationOf({ id, sites, account, region }: Answers): Federation {
  const federation = {
    schema: 'fedcardio.federation/1',
    id,
    ...(account === undefined ? {} : { account }),
    ...(region === undefined ? {} : { region }),
    sites: sites.map((site): Site => ({ id: site, name: titleOf(site) })),
  };
  const parsed = parseValue(federation, federationSchema, 'federation.json');
  topologyOf(parsed);
  return parsed;
}

const UNET: ModelConfig = {
  kind: 'unet',
  features: [8, 16, 32, 64],
  deepSupervision: true,
};
/** As in examples/two-sites: a patch of 128 mm, which holds the heart's valves. */
const TRAINING = { patch: 64, spacing: 2, steps: 100, learningRate: 0.005 };
/** Of a voxel of a teacher's foreground: masks grow too large with the weight that landmarks need. */
const FOREGROUND_WEIGHT = { landmarks: 8, segmentation: 5 } as const;
const ROUNDS = 10;
const HOUR = 3600;

/**
 * `campaign.json` of the answers: a teacher for each task; with several tasks also their pseudo-labels and a student that
 * learns all; then the evaluation. A round waits four hours for the last quarter of the sites.
 *
 * @throws FedcardioError BAD_MESSAGE or BAD_CONFIGURATION, with the nearest name of a task
 */
export function campaignOf({ campaign, tasks, sites }: Answers, known: readonly Task[]): CampaignInput {
  const named = tasksNamed(known, tasks);
  const ids = named.map(({ id }) => id);
  const learns = {
    rounds: ROUNDS,
    model: UNET,
    quorum: { minSites: Math.max(1, Math.ceil(sites.length * 0.75)), deadlineSeconds: 4 * HOUR },
  };
  const teacher = (task: string) => `teacher/${task}`;
  const hasStudent = ids.length > 1;
  const value: CampaignInput = {
    schema: 'fedcardio.campaign/1',
    id: campaign,
    seed: 1,
    stages: [
      ...named.map(({ id: task, kind }) => ({
        kind: 'teacher' as const,
        name: teacher(task),
        task,
        ...learns,
        training: { ...TRAINING, foregroundWeight: FOREGROUND_WEIGHT[kind] },
      })),
      ...(hasStudent
        ? [
            { kind: 'pseudo-label' as const, name: 'pseudo-label', teachers: ids.map(teacher) },
            {
              kind: 'student' as const,
              name: 'student',
              tasks: [...ids],
              pseudoLabels: 'pseudo-label',
              ...learns,
              training: { ...TRAINING, foregroundWeight: studentWeight(named), ...maskHeads(named) },
            },
          ]
        : []),
      {
        kind: 'evaluate',
        name: 'evaluate',
        models: {
          ...Object.fromEntries(ids.map((task) => [`teacher-${task}`, teacher(task)])),
          ...(hasStudent ? { student: 'student' } : {}),
        },
        predictions: hasStudent ? 'student' : `teacher-${ids[0]}`,
      },
    ],
  };
  parseValue(value, campaignSchema, 'campaign.json');
  return value;
}

const studentWeight = (tasks: readonly Task[]): number => Math.max(...tasks.map(({ kind }) => FOREGROUND_WEIGHT[kind]));

/** "st-georg" as "St Georg": a name to start with. */
const titleOf = (site: string): string =>
  site
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join(' ');
