import { type PythonPrograms, pythonWith } from '../../localstack/python.ts';

const TOOLS: PythonPrograms = {
  name: 'test:aws-tools',
  folder: 'aws-tools',
  requirements: new URL('./requirements.txt', import.meta.url),
  megabytes: 470,
};

/** The Python that `npm run test:aws-tools` has prepared. */
export const python = process.env.FEDCARDIO_TEST_PYTHON ?? 'python3';

/** @throws FedcardioError BAD_CONFIGURATION if the tools cannot be installed */
export const installTools = (say: (line: string) => void): Promise<string> => pythonWith(TOOLS, say);
