import type { Commit, Stage, Summary } from '../federation/schemas.ts';
import type { Task, TaskId } from '../federation/tasks.ts';
import type { LandmarkMetrics, MetricsByTask } from '../scoring/metrics.ts';
import type { CasePrivacyFacts, PrivacyFacts } from './privacy-text.ts';

/** Contents of `report.json`. Lengths in mm, times in seconds since the run began, memory in MB (10⁶ bytes). */
export interface Report {
  readonly schema: 'fedcardio.report/1';
  readonly campaign: string;
  /** `running` and `paused`: the report shows what there was at `createdAt`. */
  readonly status: 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';
  /** Why it failed, was cancelled or is paused. */
  readonly reason?: string;
  readonly createdAt: string;
  readonly seed: number;
  /** Profile of a demo; absent for any other campaign. */
  readonly profile?: string;
  /** Tensor backends, as the GPU tasks reported them. */
  readonly backend: string;
  /** From the plan to the outcome, or to `createdAt`; of a demo, without the time between an interruption and `--resume`. */
  readonly wallSeconds: number;
  readonly peakRssMB: number;
  /** Whether `peakRssMB` is that of the whole process tree, or only of the largest GPU task. */
  readonly peakRssOf: 'process tree' | 'largest task';
  /** Definitions of the campaign's tasks. */
  readonly tasks: readonly Task[];
  readonly sites: readonly SiteReport[];
  readonly stages: readonly StageReport[];
  /** Rejected files of the sites whose bucket could be read. */
  readonly rejected: readonly RejectedObject[];
  /** Sites whose bucket could not be read: their rejected files are counted in `sites`, but not listed. */
  readonly unreadSites: readonly string[];
  /** Present if all scores are of validation cases, because the campaign scores no held-out cases. */
  readonly scoredOn?: 'validation';
  /** Every model that the campaign evaluates. */
  readonly models: readonly ModelReport[];
  /** Differential privacy; absent without it. */
  readonly privacy?: PrivacyFacts;
  /** DP-SGD; absent without it. */
  readonly casePrivacy?: CasePrivacyFacts;
  /** Result of `fedcardio campaign verify`; absent if it was not run. */
  readonly chain?: ChainReport;
  /** Scores by role. Empty if the campaign evaluates several models of one role for one task. */
  readonly metrics: ModelMetrics;
  /** All landmark tasks pooled, by model: the figure that distillation is judged by. */
  readonly landmarks: Readonly<Partial<Record<ModelRole, LandmarkMetrics>>>;
  readonly bySite: Readonly<Record<string, ModelMetrics>>;
  readonly timeline: readonly TimelineEvent[];
}

/** The three models that are compared. `teacher` is the teacher of the task in question. */
export const MODEL_ROLES = ['teacher', 'student', 'studentLabelsOnly'] as const;
export type ModelRole = (typeof MODEL_ROLES)[number];
export type ModelMetrics = Readonly<Record<ModelRole, MetricsByTask>>;

export interface ModelReport {
  /** Name in the evaluation. */
  readonly name: string;
  /** The stage that trained it; the stages of an ensemble, joined by ` + `; of a threshold, the evaluation. */
  readonly stage: string;
  /** Its role in {@link Report.metrics}; absent if it has none. */
  readonly role?: ModelRole;
  /** Over all sites. */
  readonly metrics: MetricsByTask;
  readonly bySite: Readonly<Record<string, MetricsByTask>>;
}

export interface ChainReport {
  /** Committed rounds that were recomputed. */
  readonly rounds: number;
  /** Empty if everything matches. */
  readonly faults: readonly string[];
}

/** Whose updates a round merged, and why those of others are missing. */
export interface Coverage {
  /** Sites that the stage asks: those that it names, or all. */
  readonly asked: readonly string[];
  readonly merged: readonly string[];
  /** Share of the participants' usable cases that the merged sites hold, 0 to 1. */
  readonly caseShare: number;
  readonly excluded: readonly {
    readonly site: string;
    readonly why: 'failed' | 'refused' | 'late' | 'missed' | 'no data';
    readonly reason: string;
  }[];
}

export interface SiteReport {
  readonly id: string;
  readonly name: string;
  readonly cases: Summary['cases'];
  readonly labelled: Readonly<Partial<Record<TaskId, number>>>;
}

/** A stage's kind; `control` is a student that learns from labels alone. */
export type ReportedKind = Stage['kind'] | 'control';

export interface StageReport {
  readonly name: string;
  readonly kind: ReportedKind;
  /** Committed rounds. */
  readonly rounds: number;
  readonly participants: readonly string[];
  readonly commits: readonly CommitReport[];
}

export interface CommitReport {
  readonly round: number;
  readonly at: string;
  readonly key: string;
  readonly sha256: string;
  readonly samples: number;
  /** Sample-weighted means over the merged updates, such as the loss. */
  readonly figures: Readonly<Record<string, number>>;
  readonly updates: readonly {
    readonly site: string;
    readonly samples: number;
    readonly seconds: number;
    readonly figures: Readonly<Record<string, number>>;
    /** What the site found of the model that the round started from. */
    readonly validation?: { readonly loss: number; readonly cases: number };
  }[];
  /** Number of cases that the round learnt from, or that its scores count, and that were withdrawn since. */
  readonly withdrawn?: number;
  readonly failed: readonly { readonly site: string; readonly reason: string }[];
  /** Updates whose difference was scaled down by a factor. */
  readonly clipped: readonly { readonly site: string; readonly factor: number }[];
  /** Updates that counted as fewer cases than their sites claim. */
  readonly limited: readonly { readonly site: string; readonly samples: number; readonly counted: number }[];
  /** Sites that made fewer steps than a round has, because their seconds were spent; absent without `secondsBudget`. */
  readonly shortened?: readonly { readonly site: string; readonly steps: number; readonly of: number }[];
  /** Sites whose update of the round before came too late for it and is merged here; absent if there are none. */
  readonly late?: readonly string[];
  readonly openedAt: string;
  readonly coverage: Coverage;
  /** What validation has found after the round, if its stage validates. */
  readonly validation?: Commit['validation'];
}

export interface RejectedObject {
  readonly site: string;
  readonly key: string;
  readonly reason: string;
  readonly hint?: string;
}

/** `end` is present for events with a duration. `lane` is a site, or `coordinator`. */
export interface TimelineEvent {
  readonly lane: string;
  readonly kind: 'upload' | 'intake' | 'rejected' | 'task' | 'update' | 'failure' | 'commit';
  readonly start: number;
  readonly end?: number;
  /** The stage of a task, an update or a commit. */
  readonly stage?: string;
  readonly label: string;
}
