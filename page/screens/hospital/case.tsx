import type { ScreenProps } from '../../areas.ts';
export function Screen({ params }: ScreenProps) {
  return <h1>{params.case}</h1>;
}
