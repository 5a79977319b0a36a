import { basename } from 'node:path';
import { z } from 'zod';
import { outputOf } from './cfn-lint.ts';

const checkSchema = z.object({
  check_id: z.string(),
  check_name: z.string(),
  file_path: z.string(),
  /** Type and logical id: `AWS::S3::Bucket.Logs6819BB44`. */
  resource: z.string(),
});
const reportSchema = z.object({
  results: z.object({ failed_checks: z.array(checkSchema), parsing_errors: z.array(z.string()).default([]) }),
  summary: z.object({ passed: z.number(), parsing_errors: z.number(), resource_count: z.number() }),
});

export interface CheckovFinding {
  readonly check: string;
  readonly name: string;
  readonly stackName: string;
  readonly logicalId: string;
}

export interface CheckovReport {
  readonly findings: readonly CheckovFinding[];
  readonly passed: number;
  readonly unread: number;
  readonly resources: number;
}

/** What checkov finds in all templates below a folder. */
export async function checkov(python: string, folder: string): Promise<CheckovReport> {
  const quietly = ['--compact', '--quiet', '--skip-download'];
  const options = ['--framework', 'cloudformation', '--output', 'json', ...quietly];
  const { output } = await outputOf(python, ['-m', 'checkov.main', '--directory', '.', ...options], folder);
  const { results, summary } = reportSchema.parse(JSON.parse(output));
  return {
    findings: results.failed_checks.map(({ check_id, check_name, file_path, resource }) => ({
      check: check_id,
      name: check_name,
      stackName: basename(file_path, '.template.json'),
      logicalId: resource.slice(resource.lastIndexOf('.') + 1),
    })),
    passed: summary.passed,
    unread: summary.parsing_errors,
    resources: summary.resource_count,
  };
}
