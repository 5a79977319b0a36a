import type { Aggregation } from '../../federation/schemas.ts';
import { multiKrum } from './multi-krum.ts';
import type { Strategy } from './strategy.ts';

type Config = Extract<Aggregation, { strategy: 'krum' }>;

/** The one update that lies closest to the others, unchanged (Blanchard et al. 2017, NeurIPS, section 4). */
export const krum = ({ byzantine }: Config): Strategy => multiKrum({ byzantine, keep: 1 });
