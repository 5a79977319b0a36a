import type { WriteStream } from 'node:tty';

/** Shows progress: a block that is redrawn on a terminal, plain lines otherwise. */
export interface Display {
  /** Prints a permanent line. */
  say(line: string): void;
  /** Replaces the block below the permanent lines. Does nothing without a terminal. */
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
      // Overwrites the old block line by line in one write, to avoid flicker.
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      stream.write(`${up}${block.map((line) => `${line}\u001b[K\n`).join('')}\u001b[0J`);
      drawn = block.length;
    },
    clear,
  };
}
