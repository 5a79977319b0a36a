/** Errors of the operating system in words. Node's own messages, such as "ENOSPC: no space left on device", name no cure. */
export interface SystemProblem {
  readonly code: 'STORAGE' | 'STORAGE_UNAVAILABLE' | 'STORAGE_FULL' | 'BAD_CONFIGURATION' | 'NOT_FOUND';
  /** One sentence with the file or address, if the error names one, and the system's code. */
  readonly message: string;
  readonly hint: string;
}

type Row = readonly [code: SystemProblem['code'], what: string, hint: string];

const FREE_SPACE = 'Free space there; what waits for it then goes on.';
const CHECK_NETWORK = 'Check the endpoint and the network.';
const CHECK_OWNER = 'Check owner and permissions, or choose another place.';
const TOO_MANY_FILES = 'Raise the limit (`ulimit -n`), or end other programs.';

/** `what` is followed by the place and the code: "The disk is full at /data (ENOSPC)." */
const ROWS: Readonly<Record<string, Row>> = {
  ENOSPC: ['STORAGE_FULL', 'The disk is full', FREE_SPACE],
  EDQUOT: ['STORAGE_FULL', 'The disk quota is used up', FREE_SPACE],
  EFBIG: ['STORAGE_FULL', 'The file is as large as the system allows', 'Raise the limit of file sizes (`ulimit -f`).'],
  EIO: ['STORAGE_UNAVAILABLE', 'The disk does not read or write', "Check the disk and the system's log."],
  EROFS: ['BAD_CONFIGURATION', 'The file system can only be read', 'Mount it writable, or choose another place.'],
  EACCES: ['BAD_CONFIGURATION', 'The system denies access', CHECK_OWNER],
  EPERM: ['BAD_CONFIGURATION', 'The system denies access', CHECK_OWNER],
  EISDIR: ['BAD_CONFIGURATION', 'A file is needed, but there is a folder', 'Name a file.'],
  ENOTDIR: ['BAD_CONFIGURATION', 'A folder is needed, but a part of the path is a file', 'Name a folder.'],
  ENOTEMPTY: ['BAD_CONFIGURATION', 'The folder is not empty', 'Choose another one, or empty it.'],
  EEXIST: ['BAD_CONFIGURATION', 'There is a file already', 'Choose another name, or remove the file.'],
  ENAMETOOLONG: ['BAD_CONFIGURATION', 'The path is too long', 'Choose a shorter one.'],
  ELOOP: ['BAD_CONFIGURATION', 'The links of the path form a circle', 'Correct the links, or choose another path.'],
  ENOENT: ['NOT_FOUND', 'There is no such file, folder or program', 'Check the spelling.'],
  EMFILE: ['BAD_CONFIGURATION', 'This process has too many open files', TOO_MANY_FILES],
  ENFILE: ['BAD_CONFIGURATION', 'This machine has too many open files', TOO_MANY_FILES],
  EADDRINUSE: ['BAD_CONFIGURATION', 'Another program uses the address', 'Choose another port, or 0 for any free one.'],
  ECONNREFUSED: [
    'STORAGE_UNAVAILABLE',
    'Nothing answers',
    'Check the endpoint, and that its server runs: on one machine, `npx fedcardio up`.',
  ],
  ECONNRESET: ['STORAGE_UNAVAILABLE', 'The connection was lost', CHECK_NETWORK],
  ECONNABORTED: ['STORAGE_UNAVAILABLE', 'The connection was lost', CHECK_NETWORK],
  EPIPE: ['STORAGE_UNAVAILABLE', 'The connection was lost', CHECK_NETWORK],
  ERR_STREAM_PREMATURE_CLOSE: ['STORAGE_UNAVAILABLE', 'The connection was lost', CHECK_NETWORK],
  ETIMEDOUT: ['STORAGE_UNAVAILABLE', 'There was no answer in time', CHECK_NETWORK],
  ENOTFOUND: ['STORAGE_UNAVAILABLE', 'The host name is unknown', 'Check its spelling, and the network.'],
  EAI_AGAIN: ['STORAGE_UNAVAILABLE', 'The name server does not answer', CHECK_NETWORK],
  EHOSTUNREACH: ['STORAGE_UNAVAILABLE', 'There is no route to the host', CHECK_NETWORK],
  EHOSTDOWN: ['STORAGE_UNAVAILABLE', 'There is no route to the host', CHECK_NETWORK],
  ENETUNREACH: ['STORAGE_UNAVAILABLE', 'The network is down', CHECK_NETWORK],
  ENETDOWN: ['STORAGE_UNAVAILABLE', 'The network is down', CHECK_NETWORK],
};

interface SystemError extends Error {
  readonly code: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly address?: string;
  readonly hostname?: string;
  readonly port?: number;
}

/**
 * The problem that an error of the system reports, its own or that of its cause; undefined for any other error.
 *
 * @param path the file, for errors that do not name it: those of reading and writing an open file
 */
export function systemProblem(error: unknown, path?: string): SystemProblem | undefined {
  const found = systemErrorIn(error);
  if (!found) return undefined;
  const [code, what, hint] = rowOf(found.code) ?? ['STORAGE', 'The system reports an error', 'Look the code up.'];
  const place = path ?? found.path ?? addressOf(found);
  return { code, message: `${what}${place ? ` at ${place}` : ''} (${found.code}).`, hint };
}

const rowOf = (code: string): Row | undefined => (Object.hasOwn(ROWS, code) ? ROWS[code] : undefined);

/** `fetch` puts the error of the system into `cause`. */
function systemErrorIn(error: unknown): SystemError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 3; at = at.cause, depth++) {
    const { code, syscall } = at as Partial<SystemError>;
    if (typeof code !== 'string') continue;
    if (rowOf(code) || (syscall !== undefined && /^E[A-Z0-9]+$/.test(code))) return at as SystemError;
  }
  return undefined;
}

function addressOf({ address, hostname, port }: SystemError): string | undefined {
  const host = hostname ?? address;
  return host === undefined || port === undefined ? host : `${host}:${port}`;
}
