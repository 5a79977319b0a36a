/**
 * An event of a run. Progress display and timeline are functions of all events in order. Most are stored, so that a
 * resumed run shows those of earlier runs.
 */
export type RunEvent =
  | { readonly type: 'upload'; readonly site: string; readonly caseId: string }
  | { readonly type: 'cataloged'; readonly site: string; readonly caseId: string }
  | { readonly type: 'rejected'; readonly site: string; readonly caseId: string }
  | ({ readonly type: 'task-started' } & GpuTaskRef)
  | ({ readonly type: 'task-step'; readonly step: number; readonly steps: number; readonly loss?: number } & GpuTaskRef)
  | ({ readonly type: 'task-done' } & GpuTaskRef)
  | ({ readonly type: 'task-failed'; readonly reason: string } & GpuTaskRef)
  | ({ readonly type: 'commit' } & RoundRef);

interface RoundRef {
  readonly stage: string;
  readonly round: number;
}

export interface GpuTaskRef extends RoundRef {
  readonly site: string;
}

/** `at`: seconds of running time since the run began, without pauses before a resume. */
export interface TimedEvent {
  readonly at: number;
  readonly event: RunEvent;
}

/** Identifies a GPU task within its campaign. */
export const taskKey = ({ stage, round, site }: GpuTaskRef): string => `${stage}#${round}@${site}`;
