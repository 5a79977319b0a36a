// A worker thread has none of its parent's module hooks on Node 20, nor does it heed `--import tsx`: it registers its own.
import { register } from 'tsx/esm/api';

register();
await import('./decode-worker.ts');
