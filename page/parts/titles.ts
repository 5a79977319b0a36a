import type { Texts } from '../text/en.ts';
import { useTexts } from '../text/language.ts';

/** A title of a task or a class in the viewer's language. One that a federation has chosen is shown as it is. */
export const titleText = (title: string, { titles }: Pick<Texts['measured'], 'titles'>): string =>
  (Object.hasOwn(titles, title) && titles[title]) || title;

export function useTitles(): (title: string) => string {
  const { measured } = useTexts();
  return (title) => titleText(title, measured);
}
