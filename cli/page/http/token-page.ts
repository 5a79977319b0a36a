/** Pages without script and style, for a browser that has no session. */

const document = (language: Language, head: string, body: string): string => `<!doctype html>
<html lang="${language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>fedcardio</title>
${head}
${body}
</html>
`;

type Language = 'en' | 'de';

const TEXT = {
  en: {
    title: 'This page is locked',
    used: 'The address has no valid token. Each token opens the page in one browser, once.',
    next: 'Copy the newest address from the terminal that serves the page. If it is closed, start it again:',
    retry: 'If this browser has opened the page before, ',
    link: 'continue',
    opening: 'Open the page',
  },
  de: {
    title: 'Diese Seite ist gesperrt',
    used: 'Die Adresse hat kein gültiges Token. Jedes Token öffnet die Seite einmal, in einem Browser.',
    next: 'Kopieren Sie die neueste Adresse aus dem Terminal, das die Seite bereitstellt. Ist es geschlossen, starten Sie es neu:',
    retry: 'Wenn dieser Browser die Seite schon geöffnet hatte: ',
    link: 'weiter',
    opening: 'Seite öffnen',
  },
} as const;

const languageOf = (accepted = ''): Language => (/^\s*de\b/i.test(accepted) ? 'de' : 'en');

/** For a wrong or used token, and for no session: what to do. */
export function lockedPage(acceptLanguage: string | undefined, prefix: string): string {
  const language = languageOf(acceptLanguage);
  const { title, used, next, retry, link } = TEXT[language];
  return document(
    language,
    '',
    `<main><h1>${title}</h1><p>${used}</p><p>${next}</p><pre>npx fedcardio page</pre><p>${retry}<a href="${prefix}">${link}</a>.</p></main>`,
  );
}

/**
 * Goes on to the page, without the token in the address. Not a redirect: the address may come from a page of another site,
 * such as a terminal in the browser, and a SameSite cookie is not sent along such a chain.
 */
export function openingPage(acceptLanguage: string | undefined, prefix: string): string {
  const language = languageOf(acceptLanguage);
  const { opening } = TEXT[language];
  const refresh = `<meta http-equiv="refresh" content="0; url=${prefix}">`;
  return document(language, refresh, `<main><a href="${prefix}">${opening}</a></main>`);
}
