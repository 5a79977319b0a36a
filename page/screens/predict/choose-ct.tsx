import { useState } from 'preact/hooks';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { filesOfChoice, filesOfDrop, type GivenFile, MOST_FILES } from '../hospital/dropped.ts';
import { ctOf, type GivenCt } from './given-ct.ts';

/** Takes a CT by drop or by choice, and says what it took. */
export function ChooseCt(props: {
  readonly ct: GivenCt | undefined;
  readonly onCt: (ct: GivenCt | undefined) => void;
  readonly onFault: (fault: string | undefined) => void;
}) {
  const { predict: text } = useTexts();
  const { bytes } = useFormats();
  const [isOver, setIsOver] = useState(false);
  const { ct } = props;

  function take(files: readonly GivenFile[]): void {
    const found = files.length > MOST_FILES ? undefined : ctOf(files);
    props.onFault(
      found
        ? undefined
        : files.length === 0
          ? text.noFiles
          : files.length > MOST_FILES
            ? text.tooMany(MOST_FILES)
            : text.notOne,
    );
    props.onCt(found);
  }
  if (ct) {
    return (
      <p class="chosen">
        <strong>{ct.name}</strong>{' '}
        <span class="quiet">{text.chosen(text.files(ct.files.length), bytes(ct.bytes))}</span>{' '}
        <button type="button" onClick={() => props.onCt(undefined)}>
          {text.other}
        </button>
      </p>
    );
  }
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
        if (event.dataTransfer) void filesOfDrop(event.dataTransfer.items).then(take);
      }}
    >
      <p>
        <strong>{text.drop}</strong>
      </p>
      <p class="quiet">{text.what}</p>
      <p class="choices">
        <FileChoice label={text.chooseFile} accept=".nii,.gz" onFiles={take} />
        <FileChoice label={text.chooseFolder} isFolder onFiles={take} />
      </p>
    </div>
  );
}

/** A button that opens the browser's choice of a file, or of a folder. */
export const FileChoice = (props: {
  readonly label: string;
  readonly accept?: string;
  readonly isFolder?: boolean;
  readonly onFiles: (files: readonly GivenFile[]) => void;
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
