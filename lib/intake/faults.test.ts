import { describe, expect, test } from 'vitest';
import { FedcardioError } from '../error.ts';
import { siteKeys } from '../federation/keys.ts';
import { boundedFaults, type Fault, fault, faultOf, faultOfObject } from './faults.ts';

const key = (name: string) => siteKeys.ofEvent(`cases/p7/${name}`);
const faultsOf = (count: number): readonly Fault[] =>
  Array.from({ length: count }, (_, i) =>
    fault(key(`${String(i).padStart(3, '0')}.txt`), 'BAD_KEY', `Reason ${i}.`, `Hint ${i}.`),
  );

test('a fault has a hint only if there is one', () => {
  const error = new FedcardioError('BAD_IMAGE', 'It is empty.');
  expect(faultOf(key('image.nii'), error)).toEqual({
    key: 'cases/p7/image.nii',
    code: 'BAD_IMAGE',
    reason: 'It is empty.',
  });
});

describe('of more faults than fit, the last one tells how many there are', () => {
  test('50 fit', () => {
    const faults = faultsOf(50).toReversed();
    expect(boundedFaults(faults)).toBe(faults);
  });

  test('of 52, three are one', () => {
    const bounded = boundedFaults(faultsOf(52).toReversed());
    expect(bounded).toHaveLength(50);
    expect(bounded.slice(0, 49)).toEqual(faultsOf(49));
    expect(bounded[49]).toEqual({
      key: 'cases/p7/049.txt',
      code: 'BAD_KEY',
      reason: 'This file and 2 more of the case have faults, of this one: Reason 49.',
      hint: 'Hint 49.',
    });
  });
});

describe('the fault of an object', () => {
  const own = fault(key('labels/arch.nii'), 'BAD_LABEL', 'There is no task.', 'Name it.');
  const slices = fault(key('1.dcm'), 'BAD_IMAGE', 'They are DICOM files.', 'Convert them.');

  test('is its own', () => {
    expect(faultOfObject(key('labels/arch.nii'), [slices, own])).toBe(own);
  });

  test('is that of its format, if it is no part of a case', () => {
    expect(faultOfObject(key('2.dcm'), [slices, own])).toBe(slices);
  });

  test('is none for a good image or label beside it', () => {
    expect(faultOfObject(key('image.nii.gz'), [slices, own])).toBeUndefined();
    expect(faultOfObject(key('labels/calcification.nii.gz'), [slices, own])).toBeUndefined();
  });

  test('is that of the whole case, if it is under a name that looks like a patient', () => {
    const named = siteKeys.ofEvent('cases/Mueller_Hans_1951-03-02/image.nii.gz');
    expect(faultOfObject(named, [slices])).toBe(slices);
  });

  test('is the last one, if there are too many', () => {
    const many = faultsOf(50);
    expect(faultOfObject(key('labels/calcification.nii.gz'), many)).toBe(many[49]);
    expect(faultOfObject(key('labels/calcification.nii.gz'), many.slice(1))).toBeUndefined();
  });

  test('is none outside a case, but its own', () => {
    const stray = siteKeys.ofEvent('cases/scan.nii.gz');
    const strays = fault(stray, 'BAD_KEY', 'The file is not in a case folder.', 'Upload it elsewhere.');
    expect(faultOfObject(stray, [slices])).toBeUndefined();
    expect(faultOfObject(stray, [slices, strays])).toBe(strays);
  });
});
