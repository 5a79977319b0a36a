import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const findingsSchema = z.array(
  z.object({
    Filename: z.string(),
    Level: z.enum(['Error', 'Warning', 'Informational']),
    Rule: z.object({ Id: z.string() }),
    Message: z.string(),
    Location: z.object({ Path: z.array(z.union([z.string(), z.number()])).nullable() }),
  }),
);

export interface LintFinding {
  readonly file: string;
  readonly rule: string;
  readonly isError: boolean;
  readonly message: string;
}

/** Warnings that are accepted. */
export const ACCEPTED_WARNINGS: Readonly<Record<string, string>> = {
  W3005: 'The CDK lists dependencies that a reference implies.',
};

/** The package cannot be run with `-m`. */
const MAIN = 'from cfnlint.runner import main; main()';

/** What cfn-lint finds in templates, which it checks against the resource schemas of a region. */
export async function cfnLint(
  python: string,
  region: string,
  files: readonly string[],
): Promise<readonly LintFinding[]> {
  const { output } = await outputOf(python, ['-c', MAIN, '--format', 'json', '--regions', region, '--', ...files]);
  return findingsSchema.parse(JSON.parse(output)).map(({ Filename, Level, Rule, Message, Location }) => ({
    file: Filename,
    rule: Rule.Id,
    isError: Level === 'Error',
    message: `${Message} (${Location.Path?.join('/') ?? ''})`,
  }));
}

/** Standard output of a tool that exits with a code other than 0 if it finds something. */
export async function outputOf(
  python: string,
  args: readonly string[],
  cwd?: string,
): Promise<{ readonly output: string }> {
  const child = spawn(python, args, { stdio: ['ignore', 'pipe', 'inherit'], ...(cwd ? { cwd } : {}) });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { output };
}
