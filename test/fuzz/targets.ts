import type { Target } from './engine.ts';
import { documents } from './targets/documents.ts';
import { events } from './targets/events.ts';
import { http } from './targets/http.ts';
import { markups } from './targets/markups.ts';
import { nifti } from './targets/nifti.ts';
import { safetensors } from './targets/safetensors.ts';

/** All targets by name. Opening one may start a server. */
export const TARGETS: Readonly<Record<string, () => Target | Promise<Target>>> = {
  nifti,
  safetensors,
  events,
  documents,
  markups,
  http,
};
