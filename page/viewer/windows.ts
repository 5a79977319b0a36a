/** Windows of a CT: lowest and highest value that is drawn, HU. */
export const WINDOWS = {
  heart: [-200, 700],
  calcium: [-450, 1050],
  soft: [-160, 240],
  lung: [-1350, 150],
} as const satisfies Readonly<Record<string, readonly [low: number, high: number]>>;

/** `all`: from the lowest to the highest value of this CT. */
export type WindowName = keyof typeof WINDOWS | 'all';
export const WINDOW_NAMES: readonly WindowName[] = ['heart', 'calcium', 'soft', 'lung', 'all'];

/**
 * The values of a window.
 *
 * @param range of the CT, HU; undefined while it is loaded
 */
export const windowOf = (
  name: WindowName,
  range: readonly [number, number] | undefined,
): readonly [number, number] | undefined => (name === 'all' ? range : WINDOWS[name]);
