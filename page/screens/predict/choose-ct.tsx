import { DropZone } from '../../parts/drop-zone.tsx';
import { type GivenFile, MOST_FILES } from '../../parts/dropped.ts';
import { FileChoice } from '../../parts/file-choice.tsx';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { ctOf, type GivenCt } from './given-ct.ts';

/** Takes a CT by drop or by choice, and says what it took. */
export function ChooseCt(props: {
  readonly ct: GivenCt | undefined;
  readonly onCt: (ct: GivenCt | undefined) => void;
  readonly onFault: (fault: string | undefined) => void;
}) {
  const { predict: text } = useTexts();
  const { bytes } = useFormats();
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
    <DropZone onFiles={take}>
      <p>
        <strong>{text.drop}</strong>
      </p>
      <p class="quiet">{text.what}</p>
      <p class="choices">
        <FileChoice label={text.chooseFile} accept=".nii,.gz" onFiles={take} />
        <FileChoice label={text.chooseFolder} isFolder onFiles={take} />
      </p>
    </DropZone>
  );
}
