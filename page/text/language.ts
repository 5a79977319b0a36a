import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { de } from './de.ts';
import { en, type Texts } from './en.ts';

export const LANGUAGES = { en: { name: 'English', texts: en }, de: { name: 'Deutsch', texts: de } } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = 'fedcardio.language';

const isLanguage = (text: string | null | undefined): text is Language =>
  typeof text === 'string' && Object.hasOwn(LANGUAGES, text);

/** The language that the viewer chose, otherwise the first of the browser's that there is. */
export function initialLanguage(): Language {
  const chosen = localStorage.getItem(KEY);
  if (isLanguage(chosen)) return chosen;
  return navigator.languages.map((tag) => tag.split('-')[0]).find(isLanguage) ?? 'en';
}

export const keepLanguage = (language: Language): void => localStorage.setItem(KEY, language);

export const LanguageContext = createContext<Language>('en');

export const useLanguage = (): Language => useContext(LanguageContext);

/** The texts in the viewer's language. */
export const useTexts = (): Texts => LANGUAGES[useLanguage()].texts;
