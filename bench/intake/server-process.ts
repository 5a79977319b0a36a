/** The embedded server in a process of its own. Argument: where it keeps its data. Tells its parent where it listens. */
import { startEmbeddedServer } from '../../local/emulator/server.ts';

const { endpoint } = await startEmbeddedServer({ dataDir: process.argv[2] as string });
process.on('message', () => process.send?.({ cpuSeconds: cpuSeconds() }));
process.on('disconnect', () => process.exit());
// The parent may have gone while this was loading.
if (!process.connected) process.exit();
process.send?.({ endpoint });

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
