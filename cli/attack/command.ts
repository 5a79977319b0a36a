import { Command, InvalidArgumentError } from 'commander';
import { placed } from '../campaign.ts';
import { atLeastOne, positive } from '../options.ts';
import type { AttackFlags } from './flags.ts';

/** `fedcardio attack <site>`: what a model, and an update, tell of the site's own cases. */
export const attackCommand = (): Command =>
  placed(new Command('attack').argument('<site>', 'id of your site'))
    .requiredOption('--model <file>', 'model package, as `fedcardio export --format fedcardio` writes it')
    .option('--only <attack>', 'membership or inversion (default: both)', only)
    .option('--shadows <n>', 'membership: shadow models, an even number', evenNumber, 8)
    .option('--steps <n>', 'membership: optimiser steps of each shadow model', atLeastOne, 100)
    .option('--side <voxels>', 'inversion: side of the patch', atLeastOne, 16)
    .option('--iterations <n>', 'inversion: steps of the reconstruction', atLeastOne, 1000)
    .option('--clip <norm>', 'inversion: norm that the gradient is clipped to, with the defence', positive, 1)
    .option('--noise-multiplier <z>', 'inversion: deviation of the noise, in units of --clip', positive, 1)
    .option('--out <folder>', 'where the pictures go; they show your CTs', 'fedcardio-attack')
    .addHelpText(
      'after',
      `
membership   likelihood-ratio attack (LiRA, Carlini et al. 2022): can the model's loss tell the site's training cases from its
             held-out cases? Shadow models are trained on halves of both. Area under the curve, and members found at 1 % and
             10 % false positives, with 95 % intervals.
inversion    gradient inversion (Geiping et al. 2020): what does the gradient of one step show of its patch? The attacker is
             given the network and the labels: the worst case. UNets only. Without and with clipping and noise.

Examples:
  npx fedcardio attack heidelberg --model student.safetensors --federation heart
  npx fedcardio attack heidelberg --model student.safetensors --only inversion --clip 1 --noise-multiplier 0.5

Runs where the CTs may be read: as the site's GPU task role, or on the hospital's own machine. Nothing is sent. The model must
have learnt from the site's training cases and not from its held-out ones, or membership has nothing to find. Says how long it
will take before it begins.`,
    )
    .action(async (site: string, flags: AttackFlags) => {
      const { runAttack } = await import('./run-attack.ts');
      await runAttack(site, flags);
    });

function only(text: string): 'membership' | 'inversion' {
  if (text === 'membership' || text === 'inversion') return text;
  throw new InvalidArgumentError('Expected membership or inversion.');
}

function evenNumber(text: string): number {
  const value = atLeastOne(text);
  if (value % 2 !== 0) throw new InvalidArgumentError('Expected an even number: shadow models come in pairs.');
  return value;
}
