import type { Stage } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import type { LandmarkMetrics, MetricsByTask } from '../scoring/metrics.ts';

/** What `report.json` holds. Lengths in mm, times in seconds since the run began, memory in MB (10⁶ bytes). */
export interface Report {
  readonly schema: 'fedcardio.report/1';
  readonly campaign: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  /** Why, when it failed. */
  readonly reason?: string;
  readonly createdAt: string;
  readonly seed: number;
  readonly profile: string;
  /** What computed the tensors, as the tasks reported it. */
  readonly backend: string;
  /** Time that the run took, pauses between an interruption and `--resume` not counted. */
  readonly wallSeconds: number;
  readonly peakRssMB: number;
  /** Whether `peakRssMB` is of the whole process tree, or only of the largest task. */
  readonly peakRssOf: 'process tree' | 'largest task';
  readonly sites: readonly SiteReport[];
  readonly stages: readonly StageReport[];
  readonly rejected: readonly RejectedObject[];
  readonly metrics: ModelMetrics;
  /** All landmark tasks pooled, by model: the figure that distillation is judged by. */
  readonly landmarks: Readonly<Partial<Record<ModelRole, LandmarkMetrics>>>;
  readonly bySite: Readonly<Record<string, ModelMetrics>>;
  readonly timeline: readonly TimelineEvent[];
}

/** The three models that are compared. `teacher` stands for the teacher of the task in question. */
export const MODEL_ROLES = ['teacher', 'student', 'studentLabelsOnly'] as const;
export type ModelRole = (typeof MODEL_ROLES)[number];
export type ModelMetrics = Readonly<Record<ModelRole, MetricsByTask>>;

export interface SiteReport {
  readonly id: string;
  readonly name: string;
  readonly cases: { readonly training: number; readonly evaluation: number; readonly rejected: number };
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
  /** Sample-weighted means over the merged updates: loss and the like. */
  readonly figures: Readonly<Record<string, number>>;
  readonly updates: readonly {
    readonly site: string;
    readonly samples: number;
    readonly seconds: number;
    readonly figures: Readonly<Record<string, number>>;
  }[];
  readonly failed: readonly { readonly site: string; readonly reason: string }[];
}

export interface RejectedObject {
  readonly site: string;
  readonly key: string;
  readonly reason: string;
  readonly hint?: string;
}

/** `end` is there for what takes time. `lane` is a site, or `coordinator`. */
export interface TimelineEvent {
  readonly lane: string;
  readonly kind: 'upload' | 'intake' | 'rejected' | 'task' | 'update' | 'failure' | 'commit';
  readonly start: number;
  readonly end?: number;
  /** The stage that a task, an update or a commit belongs to. */
  readonly stage?: string;
  readonly label: string;
}
