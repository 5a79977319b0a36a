import { belowPrefix, outsidePrefix, withPrefix } from '../weights/prefixed.ts';
import type { Weights } from '../weights/weights.ts';

/**
 * Prefix of SCAFFOLD's control variates in updates, global models and a site's own state: `scaffold/<parameter>`. No
 * parameter's name has a slash.
 */
const PREFIX = 'scaffold/';

/** A parameter's control variate in a file. */
export const controlName = (parameter: string): string => PREFIX + parameter;

/** The parameter that a name in a file stands for, or whose control variate it names. */
export const parameterOf = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name);

/** The parameters of a file, without control variates: what a network loads. */
export const parametersIn = (weights: Weights): Weights => outsidePrefix(PREFIX, weights);

/** The control variates in a file, by parameter; empty if it has none. */
export const controlsIn = (weights: Weights): Weights => belowPrefix(PREFIX, weights);

/** Control variates as they are stored. */
export const asControls = (controls: Weights): Weights => withPrefix(PREFIX, controls);
