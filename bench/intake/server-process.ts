/** Runs the embedded server in its own process. Argument: its data directory. Sends its endpoint to the parent. */
import { startEmbeddedServer } from '../../local/emulator/server.ts';

const { endpoint } = await startEmbeddedServer({ dataDir: process.argv[2] as string });
process.on('message', () => process.send?.({ cpuSeconds: cpuSeconds() }));
process.on('disconnect', () => process.exit());
// The parent may have ended while this module was loading.
if (!process.connected) process.exit();
process.send?.({ endpoint });

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
