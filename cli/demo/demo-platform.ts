import { createWriteStream } from 'node:fs';
import { type Platform, startPlatform } from '../../local/platform.ts';
import type { DemoDirectory } from './data-dir.ts';
import type { DemoEvent } from './events.ts';
import { eventOfGpuTask, eventOfWrite, observeWrites } from './observe.ts';
import type { DemoOptions } from './options.ts';
import type { Scenario } from './scenario.ts';

const SWEEP_SECONDS = 60;

/** Starts the demo's federation. Its events go to `emit`, and the handlers' log to the demo's directory. */
export async function startDemoPlatform(
  { federation }: Scenario,
  directory: DemoDirectory,
  options: Pick<DemoOptions, 'endpoint' | 'port' | 'tasks'>,
  emit: (event: DemoEvent) => void,
): Promise<Platform> {
  const { endpoint, port, tasks } = options;
  const file = createWriteStream(directory.log, { flags: 'a' });
  const log = (event: string, fields: Readonly<Record<string, unknown>>) =>
    file.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);
  const emitIfAny = (event: DemoEvent | undefined) => event && emit(event);

  const platform = await startPlatform({
    federation,
    server: endpoint === undefined ? { port, dataDir: directory.server } : { endpoint },
    gpuTasks: {
      maxGpuTasks: tasks,
      onEvent: (event) => {
        if (event.type === 'output' || event.type === 'retrying') log(`task-${event.type}`, { ...event });
        emitIfAny(eventOfGpuTask(event));
      },
    },
    sweep: { everySeconds: SWEEP_SECONDS },
    wrapBuckets: (openBucket) =>
      observeWrites(openBucket, (bucket, key) => emitIfAny(eventOfWrite(federation, bucket, key))),
    onRunnerEvent: ({ type, ...fields }) => {
      if (type !== 'handled') log(type, { ...fields, ...('error' in fields ? { error: String(fields.error) } : {}) });
    },
    log,
  });
  return {
    ...platform,
    close: async () => {
      await platform.close();
      await new Promise((resolve) => file.end(resolve));
    },
  };
}
