import type { Estimate } from '../../lib/privacy/attack-figures.ts';
import { table } from '../table.ts';
import type { AttackFlags } from './flags.ts';
import type { InversionAttempt, InversionResult } from './inversion.ts';
import type { MembershipResult, Verdict } from './membership.ts';

interface Told {
  readonly membership: MembershipResult | undefined;
  readonly inversion: InversionResult | undefined;
  readonly flags: Pick<AttackFlags, 'clip' | 'noiseMultiplier'>;
  readonly files: readonly string[];
}

/** What the attacks found, in words. */
export function attackText({ membership, inversion, flags, files }: Told): string {
  return [
    ...(membership ? membershipText(membership) : []),
    ...(membership && inversion ? [''] : []),
    ...(inversion ? inversionText(inversion, flags, files) : []),
  ].join('\n');
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  leaks:
    "The model tells training cases from others better than chance: who has a patient's CT can learn something about whether it was trained on.",
  undecided: 'Undecided: with so few cases, the figures fit a guess as well as a leak. Nothing is proven either way.',
  'nothing found': 'This attack found nothing. A better one, or more shadow models, may.',
};

function membershipText({
  members,
  others,
  shadows,
  auc,
  at1,
  at10,
  byLoss,
  verdict,
}: MembershipResult): readonly string[] {
  const rate = (name: string, { falsePositives, ...share }: MembershipResult['at1']) => [
    `members found at ${name} false positives`,
    percent(share),
    falsePositives === 0
      ? `at none of ${others}: fewer cases than the rate needs`
      : `at ${falsePositives} of ${others}`,
  ];
  return [
    `Membership inference: ${members} training cases against ${others} held-out cases, ${shadows} shadow models.`,
    ...table(
      ['figure', 'value, 95 % interval', ''],
      [
        ['area under the curve', decimal(auc), '0.5 is a guess'],
        ['the same by the loss alone', decimal(byLoss), ''],
        rate('1 %', at1),
        rate('10 %', at10),
      ],
    ),
    VERDICTS[verdict],
  ];
}

const decimal = ({ value, low, high }: Estimate): string =>
  `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
const percent = ({ value, low, high }: Estimate): string =>
  `${(100 * value).toFixed(0)} % (${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %)`;

const SHOWN: Readonly<Record<InversionAttempt['verdict'], string>> = {
  recognised: 'shows the patch',
  undecided: 'a little nearer to the patch than chance',
  failed: 'failed: no nearer to the patch than to others',
};

function inversionText(
  { side, attempts }: InversionResult,
  { clip, noiseMultiplier }: Told['flags'],
  files: readonly string[],
): readonly string[] {
  const rows = attempts.map(({ seen, cosine, truth, others, verdict }) => [
    seen,
    cosine.toFixed(2),
    truth.correlation.toFixed(2),
    `${others.mean.toFixed(2)}, at most ${others.most.toFixed(2)}`,
    `${truth.psnr.toFixed(1)} dB`,
    truth.ssim.toFixed(2),
    SHOWN[verdict],
  ]);
  return [
    `Gradient inversion: one step on one patch of ${side}³ voxels. The attacker knows the network and the labels.`,
    ...table(['what is seen', 'cosine', 'correlation', 'with other patches', 'PSNR', 'SSIM', ''], rows),
    `Clipping to ${clip}, noise of ${noiseMultiplier} × ${clip} on every value of the gradient.`,
    'A round of more steps or patches, and a sum of several sites, show less. That an attack failed is no proof.',
    ...files.map((file) => `Pictures, for this hospital only: ${file}`),
  ];
}
