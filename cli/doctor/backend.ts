import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { endSentence, FedcardioError } from '../../lib/error.ts';
import { parseJson } from '../../lib/json.ts';
import { programProcess } from '../../lib/program.ts';

const backendProbeSchema = z.strictObject({
  name: z.enum(['native', 'wasm']),
  device: z.enum(['cpu', 'gpu']),
  description: z.string(),
  /** Duration of a training step, the second one. */
  milliseconds: z.number(),
});

export type BackendProbe = z.infer<typeof backendProbeSchema>;

const PATIENCE_MS = 120_000;

/** Loads the tensor backend in another process, whose output it hides, and times a training step of the demo's UNet. */
export async function probeBackend(): Promise<BackendProbe> {
  try {
    const { file, execArgv } = programProcess('cli/doctor/backend-process.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [...execArgv, file], {
      timeout: PATIENCE_MS,
    });
    return parseJson(Buffer.from(stdout.trim().split('\n').at(-1) ?? ''), backendProbeSchema, 'the tensor backend');
  } catch (cause) {
    // Of a Node process that an error ends, the line that names it.
    const said = /^.*Error.*$/m.exec(String((cause as { readonly stderr?: string }).stderr))?.[0];
    throw new FedcardioError('NO_BACKEND', `No training step could be run${said ? `: ${endSentence(said)}` : '.'}`, {
      cause,
      hint: 'Run `npm run setup` and read its output about the tensor addon.',
    });
  }
}
