import type { GivenFile } from '../../parts/dropped.ts';

/** What a person gave, as one CT. */
export interface GivenCt {
  readonly name: string;
  readonly source: 'nifti' | 'dicom';
  readonly files: readonly File[];
  readonly bytes: number;
}

/** Which files are a CT: one NIfTI file, or all files of a folder. Undefined for anything else. */
export function ctOf(given: readonly GivenFile[]): GivenCt | undefined {
  // What operating systems put beside files.
  const files = given.filter(({ path }) => !/(?:^|\/)(?:\.[^/]*|Thumbs\.db)$/i.test(path));
  const [first] = files;
  if (!first) return undefined;
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  if (files.length === 1 && /\.nii(\.gz)?$/i.test(first.file.name))
    return { name: first.file.name, source: 'nifti', files: [first.file], bytes };
  const [folder, ...rest] = first.path.split('/');
  if (rest.length === 0 || !files.every(({ path }) => path.startsWith(`${folder}/`))) return undefined;
  return { name: folder as string, source: 'dicom', files: files.map(({ file }) => file), bytes };
}
