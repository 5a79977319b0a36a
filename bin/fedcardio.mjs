#!/usr/bin/env node
// The command runs from source: tsx strips the types.
import { register } from 'tsx/esm/api';

register();
await import('../cli/main.ts');
