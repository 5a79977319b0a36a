import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FUNCTION_NAMES } from '../../lib/federation/functions.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { addStacks } from '../stacks.ts';
import { type StackTemplate, synthesize } from '../synthesize.ts';

/** Calls `use` with a folder of empty function bundles, since stacks do not depend on their contents. */
export function withHandlers<T>(use: (handlers: string) => T): T {
  const handlers = mkdtempSync(join(tmpdir(), 'fedcardio-handlers-'));
  try {
    for (const name of FUNCTION_NAMES) {
      mkdirSync(join(handlers, name));
      writeFileSync(join(handlers, name, 'index.mjs'), 'export const handler = async () => undefined;\n');
    }
    return use(handlers);
  } finally {
    rmSync(handlers, { recursive: true });
  }
}

/** Synthesizes all stacks of a federation. */
export const synthesizeAll = (federation: Federation): readonly StackTemplate[] =>
  withHandlers((handlers) => synthesize((app) => addStacks(app, topologyOf(federation), handlers)));

/** Certificate of an authority whose key was thrown away. */
const AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBojCCAUmgAwIBAgIUTRYTNZlMo4VJq2uFrvCXqS2UVZcwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTRXhhbXBsZSBIb3NwaXRhbCBDQTAgFw0yNjExMjgyMzA3NDRa
GA8yMTI2MTEwNDIzMDc0NFowHjEcMBoGA1UEAwwTRXhhbXBsZSBIb3NwaXRhbCBD
QTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEhuaZFl7XzppJayv2xkC8Qhy+ZU
LmHECyZU1ADJ+9MC2MpdjdJRhukU8w5JjkYmZKgXH6vtCDcGhINi0WG9OxWjYzBh
MB0GA1UdDgQWBBTOdgDamjnzRUSS40mYBUohp8C8mDAfBgNVHSMEGDAWgBTOdgDa
mjnzRUSS40mYBUohp8C8mDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIB
BjAKBggqhkjOPQQDAgNHADBEAiAVjlhySyrc13EcnXX+L5SkbuGTf31iY+NI9soe
d6ZoBQIgQ3WOzOqoa07ftCOhKU4Il/GXsc7CrDtWCK1sfzBdfM0=
-----END CERTIFICATE-----
`;

const uploaders = ['arn:aws:iam::999900001111:role/radiology'];
const withdrawers = ['arn:aws:iam::999900001111:role/data-protection'];

/** Two sites in the coordinator's account, one with its own account and region, and two on-premises sites. */
export const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  account: '111122223333',
  region: 'eu-central-1',
  researchers: ['arn:aws:iam::999900001111:role/research'],
  sites: [
    { id: 'bonn', name: 'Bonn', uploaders, withdrawers },
    { id: 'ulm', name: 'Ulm', uploaders, withdrawers },
    {
      id: 'graz',
      name: 'Graz',
      account: '444455556666',
      region: 'eu-west-1',
      image: '444455556666.dkr.ecr.eu-west-1.amazonaws.com/fedcardio:0.1.0',
      uploaders,
      withdrawers,
    },
    {
      id: 'kiel',
      name: 'Kiel',
      place: 'on-premises',
      certificate: { authority: AUTHORITY, commonName: 'fedcardio.kiel.example' },
    },
    { id: 'jena', name: 'Jena', place: 'on-premises', principal: 'arn:aws:iam::999900001111:role/jena' },
  ],
};
