import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeError, endSentence, errorCode, FedcardioError, isOutage, systemError } from './error.ts';

test.each([
  ['Cannot list the stacks: timed out', 'Cannot list the stacks: timed out.'],
  ['Cannot list the stacks: Access denied.', 'Cannot list the stacks: Access denied.'],
  ['pip: no such package.\n', 'pip: no such package.'],
  ['Is it a folder?', 'Is it a folder?'],
])('ends %j with one full stop', (text, sentence) => {
  expect(endSentence(text)).toBe(sentence);
});

const errorOf = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('The work did not fail.');
};
const withCode = (code: string, more: object = {}) => Object.assign(new Error(`${code}: raw`), { code, ...more });

describe('describeError', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'fedcardio-error-'));
    writeFileSync(join(directory, 'file'), '');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('puts an end between a message without one and its hint', () => {
    const error = new FedcardioError('STORAGE', 'Cannot read: timed out', { hint: 'Check the endpoint.' });
    expect(describeError(error)).toBe('Cannot read: timed out. Check the endpoint.');
  });

  test('names the file of a system error, the code and what to do', async () => {
    const file = join(directory, 'file', 'inside');
    const error = await errorOf(() => readFileSync(file));

    expect(describeError(error)).toBe(
      `A folder is needed, but a part of the path is a file at ${file} (ENOTDIR). Name a folder.`,
    );
  });

  test('names the file that the caller knows, if the system error does not', async () => {
    const error = systemError(await errorOf(() => readFileSync(directory)), directory);

    expect(describeError(error)).toBe(`A file is needed, but there is a folder at ${directory} (EISDIR). Name a file.`);
  });

  test('names the address of a refused connection, also within the error of fetch', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const error = await errorOf(() => fetch(`http://127.0.0.1:${port}`));

    expect(describeError(error)).toContain(`Nothing answers at 127.0.0.1:${port} (ECONNREFUSED).`);
    expect(isOutage(error)).toBe(true);
  });

  test.each([
    'ENOSPC',
    'EISDIR',
    'EACCES',
    'EMFILE',
    'ENOTDIR',
    'EROFS',
    'ECONNREFUSED',
    'ENOTFOUND',
    'ETIMEDOUT',
    'EXDEV',
  ])('never shows the text of the system for %s', (code) => {
    const text = describeError(withCode(code, { path: '/data/x', syscall: 'open' }));
    expect(text).toMatch(new RegExp(`^[A-Z][^.]* at /data/x \\(${code}\\)\\. [A-Z].*\\.$`));
  });

  test('leaves other errors as they are', () => {
    expect(describeError(new TypeError('x is not a function'))).toBe('x is not a function');
    expect(describeError(withCode('ERR_INVALID_ARG_TYPE'))).toBe('ERR_INVALID_ARG_TYPE: raw');
    expect(errorCode(withCode('ERR_INVALID_ARG_TYPE'))).toBe('UNEXPECTED');
  });
});

test.each([
  [withCode('ENOSPC'), true],
  [withCode('EDQUOT'), true],
  [withCode('EIO'), true],
  [withCode('EACCES'), false],
  [new FedcardioError('STORAGE_FULL', 'Full.'), true],
  [new FedcardioError('STORAGE', 'AccessDenied.', { cause: withCode('ECONNRESET') }), false],
  [new FedcardioError('NO_DATA', 'None.'), false],
  [new Error('x'), false],
])('whether %s is an outage: %s', (error, expected) => {
  expect(isOutage(error)).toBe(expected);
});
