import { filesOfChoice, type GivenFile } from './dropped.ts';

/** A button that opens the browser's choice of a file, or of a folder. */
export const FileChoice = (props: {
  readonly label: string;
  readonly accept?: string;
  readonly isFolder?: boolean;
  readonly onFiles: (files: readonly GivenFile[]) => unknown;
}) => (
  <label class="button">
    {props.label}
    <input
      type="file"
      class="hidden"
      accept={props.accept}
      // The property that lets a folder be chosen has no type of its own.
      {...(props.isFolder ? { webkitdirectory: true } : {})}
      onChange={({ currentTarget }) => {
        const files = filesOfChoice(currentTarget.files);
        currentTarget.value = '';
        props.onFiles(files);
      }}
    />
  </label>
);
