import { readFileSync } from 'node:fs';

/** How the image of GPU tasks starts, from its Dockerfile. */
export interface Image {
  readonly entrypoint: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Reads the last stage of gpu-tasks/Dockerfile. */
export const readImage = (): Image =>
  imageOf(readFileSync(new URL('../../gpu-tasks/Dockerfile', import.meta.url), 'utf8'));

function imageOf(dockerfile: string): Image {
  const stage = dockerfile.split(/^FROM /m).at(-1) ?? '';
  const instructions = stage.replaceAll('\\\n', ' ').split('\n');
  const of = (name: string) =>
    instructions.flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1).trim()] : []));
  return {
    entrypoint: JSON.parse(of('ENTRYPOINT').at(-1) ?? '[]'),
    environment: Object.fromEntries(
      of('ENV').flatMap((line) => [...line.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value])),
    ),
  };
}
