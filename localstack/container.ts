import { fileURLToPath } from 'node:url';
import { execute, succeeds } from './execute.ts';
import { waitForHealth } from './health.ts';
import type { Launch } from './launch.ts';

const COMPOSE = ['compose', '--file', fileURLToPath(new URL('./compose.yml', import.meta.url))];

export const hasContainerEngine = async (): Promise<boolean> =>
  (await succeeds('docker', ['info'])) && (await succeeds('docker', ['compose', 'version']));

/** Starts LocalStack with compose.yml. */
export function containerLaunch(): Launch {
  return {
    async start(port, say) {
      say('LocalStack: starting its container (the first start pulls the image)');
      // Shows the output, because pulling the image takes minutes.
      await execute('docker', [...COMPOSE, 'up', '--detach'], { env: { LOCALSTACK_PORT: String(port) }, show: true });
      const endpoint = `http://127.0.0.1:${port}`;
      try {
        await waitForHealth(endpoint, say, {
          failure: () => undefined,
          advice: 'Check `docker compose --file localstack/compose.yml logs`.',
        });
      } catch (error) {
        await stopContainer();
        throw error;
      }
      return { endpoint, stop: stopContainer };
    },
  };
}

/** Stops and removes the container, if any. */
export async function stopContainer(): Promise<void> {
  await execute('docker', [...COMPOSE, 'down', '--timeout', '10'], {});
}
