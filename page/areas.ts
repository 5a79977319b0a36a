import type { ComponentType } from 'preact';
import type { Role } from './api/routes.ts';
import type { ScreenProps } from './screen.ts';
import type { Texts } from './text/en.ts';

export interface Area {
  /** Pattern of the address behind `#/`, such as `campaigns/{campaign}`. */
  readonly path: string;
  readonly roles: readonly Role[];
  readonly title: (text: Texts) => string;
  /** Whether the navigation has it. Screens about one thing, such as a campaign, are reached from their list. */
  readonly inNavigation: boolean;
  /** Loaded when it is first shown. */
  readonly load: () => Promise<{ readonly Screen: ComponentType<ScreenProps> }>;
}

/** Every screen, in the order of the navigation. The first one of a role is its start. A screen is one line here. */
export const AREAS: readonly Area[] = [
  {
    path: 'campaigns',
    roles: ['coordinator'],
    title: (text) => text.campaigns.title,
    inNavigation: true,
    load: () => import('./screens/coordinator/campaigns.tsx'),
  },
  {
    path: 'campaigns/{campaign}',
    roles: ['coordinator'],
    title: (text) => text.campaigns.campaign,
    inNavigation: false,
    load: () => import('./screens/campaign/campaign.tsx'),
  },
  {
    path: 'campaigns/{campaign}/chain',
    roles: ['coordinator'],
    title: (text) => text.campaign.chain,
    inNavigation: false,
    load: () => import('./screens/chain/chain.tsx'),
  },
  ...['campaigns/{campaign}/results', 'campaigns/{campaign}/results/{other}'].map(
    (path): Area => ({
      path,
      roles: ['coordinator'],
      title: (text) => text.campaign.results,
      inNavigation: false,
      load: () => import('./screens/results/results.tsx'),
    }),
  ),
  {
    path: 'operations',
    roles: ['coordinator'],
    title: (text) => text.operations.title,
    inNavigation: true,
    load: () => import('./screens/operations/operations.tsx'),
  },
  {
    path: 'cases',
    roles: ['site'],
    title: (text) => text.hospital.cases.title,
    inNavigation: true,
    load: () => import('./screens/hospital/cases.tsx'),
  },
  {
    path: 'cases/{case}',
    roles: ['site'],
    title: (text) => text.hospital.cases.title,
    inNavigation: false,
    load: () => import('./screens/hospital/case.tsx'),
  },
  {
    path: 'decide',
    roles: ['site'],
    title: (text) => text.hospital.decide.title,
    inNavigation: true,
    load: () => import('./screens/hospital/decide.tsx'),
  },
  {
    path: 'sent',
    roles: ['site'],
    title: (text) => text.hospital.sent.title,
    inNavigation: true,
    load: () => import('./screens/hospital/sent.tsx'),
  },
  {
    path: 'readiness',
    roles: ['site'],
    title: (text) => text.hospital.readiness.title,
    inNavigation: true,
    load: () => import('./screens/hospital/readiness.tsx'),
  },
  {
    path: 'predict',
    roles: ['coordinator', 'site'],
    title: (text) => text.predict.title,
    inNavigation: true,
    load: () => import('./screens/predict/predictions.tsx'),
  },
  {
    path: 'predict/{prediction}',
    roles: ['coordinator', 'site'],
    title: (text) => text.predict.title,
    inNavigation: false,
    load: () => import('./screens/predict/result.tsx'),
  },
];
