import type { WriteStream } from 'node:tty';

/** Where the progress goes: a block that redraws itself on a terminal, plain lines elsewhere. */
export interface Display {
  /** A line that stays. */
  say(line: string): void;
  /** Replaces the block below the lines that stay; does nothing where there is no terminal. */
  draw(block: readonly string[]): void;
  /** Removes the block. */
  clear(): void;
  readonly live: boolean;
  readonly width: number;
}

/** A display on a stream, usually standard error. */
export function createDisplay(stream: WriteStream | NodeJS.WriteStream): Display {
  const live = stream.isTTY === true && process.env.TERM !== 'dumb';
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  return {
    live,
    get width() {
      return (stream.columns ?? 80) - 1;
    },
    say: (line) => {
      clear();
      stream.write(`${line}\n`);
    },
    draw: (block) => {
      if (!live) return;
      // One write, line by line over the old block: no flicker.
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      stream.write(`${up}${block.map((line) => `${line}\u001b[K\n`).join('')}\u001b[0J`);
      drawn = block.length;
    },
    clear,
  };
}
