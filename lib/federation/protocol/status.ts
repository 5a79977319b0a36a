import { describeError, isFedcardioError } from '../../error.ts';
import { federationKeys } from '../keys.ts';
import {
  commitSchema,
  type Federation,
  openSchema,
  outcomeSchema,
  planSchema,
  type Seal,
  sealSchema,
  type Stage,
  type Update,
  updateSchema,
} from '../schemas.ts';
import { names } from '../topology.ts';
import { collect, mapConcurrently } from './async.ts';
import { readJson, tryReadJson } from './documents.ts';
import { roundsOf } from './plan.ts';
import type { ObjectStore } from './ports.ts';
import { type AnswerKey, campaignState, type RoundState, type StageState } from './state.ts';

export interface CampaignStatus {
  readonly campaign: string;
  /** `uploaded`: no plan yet. */
  readonly phase: 'uploaded' | 'running' | 'completed' | 'failed';
  /** Why it failed. */
  readonly reason: string | undefined;
  /** ISO 8601, UTC. */
  readonly plannedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly stages: readonly StageStatus[];
}

export interface StageStatus {
  readonly name: string;
  readonly kind: Stage['kind'];
  readonly phase: 'waiting' | 'running' | 'completed';
  /** Rounds that the stage is to have. */
  readonly total: number;
  readonly rounds: readonly RoundStatus[];
}

export interface RoundStatus {
  readonly round: number;
  readonly phase: RoundState['phase'];
  readonly openedAt: string;
  readonly deadline: string;
  readonly committedAt: string | undefined;
  readonly participants: readonly string[];
  readonly quorum: number;
  /** Sites whose update is there, or is part of the seal. */
  readonly updated: readonly string[];
  /** Participants that an open round still waits for. */
  readonly waitingFor: readonly string[];
  /** Updates that say that they failed, or that could not be merged. */
  readonly failed: readonly { readonly site: string; readonly reason: string }[];
  /** Updates that came after the seal: kept, never merged. */
  readonly late: readonly { readonly site: string; readonly key: string; readonly at: string }[];
  /** Means over the sites, weighted with their samples: of the commit or, in an open round, of what has come. */
  readonly figures: Readonly<Record<string, number>>;
}
