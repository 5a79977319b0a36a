/** Longest delay of a timer of Node, ms. It takes a longer one as 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls a function at a time, however far ahead. A time that has moved when it comes counts; one that moves forward meanwhile does
 * not call earlier.
 *
 * @param time milliseconds since 1970
 * @returns cancels the call
 */
export function callAt(time: () => number, call: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    const ms = time() - Date.now();
    if (ms <= 0) return call();
    timer = setTimeout(wait, Math.min(ms, LONGEST_MS));
  };
  wait();
  return () => clearTimeout(timer);
}
