/**
 * What happens in a demo, in the order in which it was noticed. Progress display and timeline are functions of
 * these, and the ones worth keeping are stored, so that a resumed demo shows the whole story.
 */
export type DemoEvent =
  | { readonly type: 'upload'; readonly site: string; readonly caseId: string }
  | { readonly type: 'catalogued'; readonly site: string; readonly caseId: string }
  | { readonly type: 'rejected'; readonly site: string; readonly caseId: string }
  | ({ readonly type: 'task-started' } & TaskRef)
  | ({ readonly type: 'task-step'; readonly step: number; readonly steps: number; readonly loss?: number } & TaskRef)
  | ({ readonly type: 'task-done' } & TaskRef)
  | ({ readonly type: 'task-failed'; readonly reason: string } & TaskRef)
  | ({ readonly type: 'commit' } & RoundRef);

interface RoundRef {
  readonly stage: string;
  readonly round: number;
}

export interface TaskRef extends RoundRef {
  readonly site: string;
}

/** `at`: seconds of running time since the demo began, pauses before a resume not counted. */
export interface TimedEvent {
  readonly at: number;
  readonly event: DemoEvent;
}

/** Identifies a task among those of one campaign. */
export const taskKey = ({ stage, round, site }: TaskRef): string => `${stage}#${round}@${site}`;
