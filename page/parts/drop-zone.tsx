import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { filesOfDrop, type GivenFile } from './dropped.ts';

/** An area that takes files and folders. What it contains must offer the same by keyboard. */
export function DropZone(props: {
  readonly onFiles: (files: readonly GivenFile[]) => unknown;
  readonly children: ComponentChildren;
}) {
  const [isOver, setIsOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the inputs within it do the same by keyboard
    <div
      class={isOver ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setIsOver(false);
        if (event.dataTransfer) void filesOfDrop(event.dataTransfer.items).then(props.onFiles);
      }}
    >
      {props.children}
    </div>
  );
}
