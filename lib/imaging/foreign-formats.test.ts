import { describe, expect, test } from 'vitest';
import { foreignFormatOf, rejectForeignFormat } from './foreign-formats.ts';

/** The start of a DICOM file: preamble, and file meta information with the SOP class of its object. */
function dicom(sopClass: string): Buffer {
  const element = (tag: number, vr: string, value: Buffer) => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(2, 0);
    head.writeUInt16LE(tag, 2);
    head.write(vr, 4, 'latin1');
    head.writeUInt16LE(value.length, 6);
    return Buffer.concat([head, value]);
  };
  const uid = Buffer.from(sopClass.length % 2 === 0 ? sopClass : `${sopClass}\0`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(200);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    element(0, 'UL', length),
    element(2, 'UI', uid),
    element(3, 'UI', Buffer.from('1.2.3.4\0')),
    Buffer.alloc(300),
  ]);
}
const text = (start: string) => Buffer.from(start.padEnd(400));
const SCT = '1.2.840.10008.5.1.4.1.1';

const CONTENTS: readonly (readonly [what: string, bytes: Uint8Array, reason: RegExp, hint: RegExp])[] = [
  ['a slice', dicom(`${SCT}.2`), /a single DICOM slice/, /dcm2niix/],
  ['several frames', dicom(`${SCT}.2.1`), /several frames \(Enhanced CT\)/, /dcm2niix/],
  ['converted frames', dicom(`${SCT}.2.2`), /Legacy Converted Enhanced CT/, /dcm2niix/],
  ['a SEG', dicom(`${SCT}.66.4`), /a DICOM segmentation \(SEG\)/, /Export the segmentation/],
  ['an RTSTRUCT', dicom(`${SCT}.481.3`), /DICOM contours \(RTSTRUCT\)/, /Export the segmentation/],
  ['a DICOMDIR', dicom('1.2.840.10008.1.3.10'), /DICOMDIR/, /dcm2niix/],
  ['another DICOM object', dicom(`${SCT}.4`), /is a DICOM file/, /dcm2niix/],
  ['DICOM without a preamble', Buffer.from([8, 0, 5, 0, 0x43, 0x53, 10, 0, 0x49]), /is a DICOM file/, /dcm2niix/],
  ['a ZIP', text('PK\u0003\u0004'), /a ZIP archive/, /Unpack it/],
  ['NRRD', text('NRRD0005\n'), /an NRRD volume/, /Export the whole series/],
  ['MetaImage', text('ObjectType = Image\nNDims = 3\n'), /a MetaImage volume/, /Export the whole series/],
  ['old points', text('# Markups fiducial file version = 4.11\n'), /older 3D Slicer \(\.fcsv\)/, /\.mrk\.json/],
];

describe('a foreign format is recognised by its content', () => {
  test.each(CONTENTS)('%s', (_what, bytes, reason, hint) => {
    const caught = (() => {
      try {
        return rejectForeignFormat(bytes);
      } catch (error) {
        return error;
      }
    })();
    expect(caught).toMatchObject({
      code: 'BAD_IMAGE',
      message: expect.stringMatching(reason),
      hint: expect.stringMatching(hint),
    });
  });
});

describe('a foreign format is recognised by its name', () => {
  test.each([
    ['0001.dcm', 'a DICOM file'],
    ['series/-179.000000.DCM', 'a DICOM file'],
    ['CT.1.2.840.113619.2.5.IMA', 'a DICOM file'],
    ['disc/DICOMDIR', 'a DICOM file'],
    ['DICOM/S0001/IM0042', 'a file without an extension, as DICOM slices are'],
    ['1.3.6.1.4.1.14519.5.2.1', 'a file without an extension, as DICOM slices are'],
    ['CT.1.2.840.113619.2.5', 'a file without an extension, as DICOM slices are'],
    ['series.zip', 'a ZIP archive'],
    ['image.seg.nrrd', 'an NRRD volume'],
    ['image.mha', 'a MetaImage volume'],
    ['image.mhd', 'a MetaImage volume'],
    ['image.zraw', 'a MetaImage volume'],
    ['F.fcsv', 'a list of points of an older 3D Slicer (.fcsv)'],
    ['image.hdr', 'half of an Analyze volume'],
    ['archive.tar.gz', 'a tar archive'],
  ])('%s', (name, one) => {
    expect(foreignFormatOf(name, false)?.one).toBe(one);
  });

  test.each(['notes.txt', 'image2.nii.gz', 'report.docx', 'slice.dcm.txt'])('%s is none', (name) => {
    expect(foreignFormatOf(name, false)).toBeUndefined();
  });

  test('the way out of a label is a label', () => {
    expect(foreignFormatOf('labels/calcification.dcm', true)?.hint).toMatch(/Export the segmentation/);
    expect(foreignFormatOf('labels/hinge-points.fcsv', true)?.hint).toMatch(/\.mrk\.json/);
  });
});
