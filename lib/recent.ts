/**
 * Whether something was done less than so many seconds ago. A time that is further ahead than that is of a wrong clock, and
 * would hold up what waits for its age until then.
 *
 * @param seconds 0: nothing is recent, whatever the clocks say
 */
export const isRecent = (at: Date, now: Date, seconds: number): boolean =>
  Math.abs(now.getTime() - at.getTime()) < seconds * 1000;
