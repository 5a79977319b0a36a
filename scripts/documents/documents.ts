import { isolationTables, keyTables } from '../../cdk/isolation/document.ts';
import { commandsTable } from '../../cli/document.ts';
import { fieldReference } from '../../lib/federation/documents/fields.ts';
import { functionsTable } from '../../lib/federation/documents/functions.ts';
import { campaignJsonSchema, federationJsonSchema } from '../../lib/federation/documents/json-schema.ts';
import { leavingTable } from '../../lib/federation/documents/leaving.ts';
import {
  campaignObjectsTable,
  exampleObjectsTable,
  roundObjectsTable,
  sentObjectsTable,
  siteObjectsTable,
} from '../../lib/federation/documents/objects.ts';
import { strategiesTable } from '../../lib/federation/documents/strategies.ts';
import { labelFilesTable, tasksTable } from '../../lib/federation/documents/tasks.ts';
import { campaignSchema, federationSchema } from '../../lib/federation/schemas.ts';
import { openApiDocument } from '../../page/api/openapi.ts';
import { LANGUAGES } from '../pictures/drawing.ts';
import { pagesFolder } from '../pictures/pictures.ts';
import { labelClassesTable } from './label-classes.ts';

interface Region {
  /** The Markdown file that has the region. */
  readonly file: string;
  /** As in `<!-- generated: name -->`. */
  readonly name: string;
  /** Another test that checks whether the region is up to date, since it makes the content anyway. */
  readonly testedBy?: string;
  readonly content: () => string | Promise<string>;
}

/** Every region of a Markdown file that is generated from code. */
export const REGIONS: readonly Region[] = [
  { file: 'README.md', name: 'commands', content: commandsTable },
  { file: 'docs/aggregation.md', name: 'strategies', content: strategiesTable },
  { file: 'docs/architecture.md', name: 'leaving', content: leavingTable },
  { file: 'docs/functions.md', name: 'functions', content: functionsTable },
  { file: 'docs/events/README.md', name: 'example-objects', content: exampleObjectsTable },
  { file: 'docs/intake.md', name: 'label-files', content: labelFilesTable },
  ...LANGUAGES.map((language) => ({
    file: `${pagesFolder(language)}/labels-in-slicer.md`,
    name: 'label-classes',
    content: () => labelClassesTable(language),
  })),
  { file: 'docs/method.md', name: 'tasks', content: tasksTable },
  { file: 'docs/objects.md', name: 'site-objects', content: siteObjectsTable },
  { file: 'docs/objects.md', name: 'campaign-objects', content: campaignObjectsTable },
  { file: 'docs/objects.md', name: 'round-objects', content: roundObjectsTable },
  { file: 'docs/on-premises.md', name: 'sent-objects', content: sentObjectsTable },
  {
    file: 'docs/reference/campaign.md',
    name: 'campaign-fields',
    content: () => fieldReference('The campaign', campaignSchema),
  },
  {
    file: 'docs/reference/federation.md',
    name: 'federation-fields',
    content: () => fieldReference('The federation', federationSchema),
  },
  {
    file: 'docs/security.md',
    name: 'isolation',
    testedBy: 'cdk/isolation/isolation.test.ts',
    content: isolationTables,
  },
  {
    file: 'docs/security.md',
    name: 'keys',
    testedBy: 'cdk/isolation/keys.test.ts',
    content: keyTables,
  },
];

/** Every JSON file that is generated from code. */
export const JSON_FILES: Readonly<Record<string, () => object>> = {
  'campaign.schema.json': campaignJsonSchema,
  'federation.schema.json': federationJsonSchema,
  'docs/reference/page-api.json': openApiDocument,
};
