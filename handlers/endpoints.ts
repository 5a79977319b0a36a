/** The jobs of a federation's queues in one account and region. */
interface JobWatch {
  /** Whether a job is submitted, waits, starts or runs. */
  areActive(): Promise<boolean>;
  /** Whether a job that was submitted within the last day has ended since then. */
  haveEndedSince(time: Date): Promise<boolean>;
}

/** A stack that exists at some times only. */
interface OnDemandStack {
  /** CloudFormation's status. Undefined if there is no such stack. */
  status(): Promise<string | undefined>;
  /** Starts the creation. No error if another caller was first. */
  create(): Promise<void>;
  /** Starts the deletion. No error if another caller was first. */
  delete(): Promise<void>;
}

export interface EndpointsContext {
  readonly jobs: JobWatch;
  /** The interface endpoints of the network. */
  readonly stack: OnDemandStack;
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** How long endpoints stay after the last job: rounds follow each other, and AWS bills whole hours. */
const LINGER_MS = 3_600_000;

/**
 * Creates a network's interface endpoints while jobs need them, and deletes them an hour after the last one. What it does
 * depends on the jobs and on the stack only: events may come twice, late or never. Called for jobs that are submitted, and
 * by a schedule, which makes up for events that came while the stack was changing.
 *
 * @throws FedcardioError STORAGE or STORAGE_UNAVAILABLE if Batch or CloudFormation refuses or is away
 */
export async function reconcileEndpoints({ jobs, stack, now, log }: EndpointsContext): Promise<void> {
  const status = await stack.status();
  const areNeeded =
    (await jobs.areActive()) ||
    (status !== undefined && (await jobs.haveEndedSince(new Date(now().getTime() - LINGER_MS))));
  const step = nextStep(status, areNeeded);
  if (step === 'create') await stack.create();
  if (step === 'delete') await stack.delete();
  log(`endpoints-${step}`, { status: status ?? 'none', areNeeded });
}

/** What to do with the stack. `wait`: it is changing, and the next invocation looks again. */
export function nextStep(status: string | undefined, areNeeded: boolean): 'create' | 'delete' | 'keep' | 'wait' {
  if (status === undefined) return areNeeded ? 'create' : 'keep';
  if (status.endsWith('_IN_PROGRESS')) return 'wait';
  if (status === 'CREATE_COMPLETE' || status === 'UPDATE_COMPLETE') return areNeeded ? 'keep' : 'delete';
  // A creation or deletion failed. What is left is deleted, and created again by a later invocation.
  return 'delete';
}
