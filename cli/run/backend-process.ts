/** Prints one line on the tensor backend. */
import { loadBackend } from '../../lib/nn/backend.ts';

console.log((await loadBackend()).description);
// The library keeps threads.
process.exit(0);
