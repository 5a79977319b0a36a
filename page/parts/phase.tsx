import type { ListedCampaign } from '../api/campaigns.ts';
import { useTexts } from '../text/language.ts';
import { Badge, type Tone } from './badge.tsx';

const TONES: Readonly<Record<ListedCampaign['phase'], Tone>> = {
  uploaded: 'waiting',
  running: 'active',
  paused: 'waiting',
  completed: 'good',
  failed: 'bad',
  cancelled: 'neutral',
  unreadable: 'bad',
};

/** The state of a campaign. */
export function PhaseBadge({ phase }: { readonly phase: ListedCampaign['phase'] }) {
  const { phases } = useTexts();
  return <Badge tone={TONES[phase]}>{phases[phase]}</Badge>;
}
