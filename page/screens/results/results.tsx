import type { ScreenProps } from '../../screen.ts';
import { ResultsScreen } from './results-screen.tsx';

/** The results of a campaign, alone or beside those of another one. */
export const Screen = ({ params }: ScreenProps) => (
  <ResultsScreen campaign={params.campaign as string} other={params.other} />
);
