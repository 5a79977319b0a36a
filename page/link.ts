import { fillPath } from './api/paths.ts';

/** Address of a screen: `linkTo('campaigns/{campaign}', { campaign })`. */
export const linkTo = (path: string, params: Readonly<Record<string, string>> = {}): string =>
  `#/${fillPath(path, params)}`;
