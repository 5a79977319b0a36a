import { describeError } from '../../lib/error.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { type Platform, startPlatform } from '../../local/platform.ts';
import { lineOfGpuTask, lineOfLog } from '../up/activity.ts';
import type { RunEvent } from './events.ts';
import { openLines } from './lines.ts';
import { eventOfGpuTask, eventOfWrite, observeWrites } from './observe.ts';
import type { LocalOptions } from './options.ts';
import type { RunDirectory } from './run-directory.ts';
import type { Session } from './session.ts';

const SWEEP_SECONDS = 60;

/** `onActivity` is told every line that `fedcardio up` would show. */
interface Listener extends Pick<Session, 'onOutage'> {
  readonly emit: (event: RunEvent) => unknown;
  readonly onActivity: (line: string) => unknown;
}

/** Starts a federation. Its events go to the listener, and the handlers' log to the run's directory. */
export async function startRunPlatform(
  federation: Federation,
  directory: Pick<RunDirectory, 'server' | 'log'>,
  options: Pick<LocalOptions, 'endpoint' | 'port' | 'tasks' | 'signal'>,
  session: Listener,
): Promise<Platform> {
  const { endpoint, port, tasks, signal } = options;
  const lines = openLines(directory.log);
  const show = (line: string | undefined) => line !== undefined && session.onActivity(line);
  const log = (event: string, fields: Readonly<Record<string, unknown>>) => {
    lines.append(JSON.stringify({ at: new Date().toISOString(), event, ...fields }));
    show(lineOfLog(event, fields));
  };
  const emitIfAny = (event: RunEvent | undefined) => event && session.emit(event);

  return startPlatform({
    federation,
    server: endpoint === undefined ? { port, dataDir: directory.server } : { endpoint },
    gpuTasks: {
      maxGpuTasks: tasks,
      onEvent: (event) => {
        if (event.type === 'output' || event.type === 'retrying') log(`task-${event.type}`, { ...event });
        emitIfAny(eventOfGpuTask(event));
        show(lineOfGpuTask(event));
      },
    },
    sweep: { everySeconds: SWEEP_SECONDS },
    wrapBuckets: (openBucket) =>
      observeWrites(openBucket, (bucket, key) => emitIfAny(eventOfWrite(federation, bucket, key))),
    onRunnerEvent: ({ type, ...fields }) => {
      if (type !== 'handled')
        log(type, { ...fields, ...('error' in fields ? { error: describeError(fields.error) } : {}) });
    },
    onOutage: session.onOutage,
    signal,
    log,
  });
}
