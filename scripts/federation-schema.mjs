#!/usr/bin/env -S node --import tsx
// Writes federation.schema.json, by which editors complete and check federation.json.
import { writeFileSync } from 'node:fs';
import { federationJsonSchema } from '../lib/federation/json-schema.ts';

const file = new URL('../federation.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(federationJsonSchema(), null, 2)}\n`);
