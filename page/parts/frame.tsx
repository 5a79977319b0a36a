import type { ComponentChildren } from 'preact';
import type { Session } from '../api/session.ts';
import { AREAS, type Area } from '../areas.ts';
import { linkTo } from '../link.ts';
import { LANGUAGES, type Language, useLanguage, useTexts } from '../text/language.ts';

/** Head, navigation and content of every screen. */
export function Frame(props: {
  readonly session: Session | undefined;
  readonly area: Area | undefined;
  readonly onLanguage: (language: Language) => void;
  readonly children: ComponentChildren;
}) {
  const text = useTexts();
  const { session, area } = props;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        {text.page.skip}
      </button>
      <header class="head">
        <p class="brand">fedcardio</p>
        {session && <Viewer session={session} />}
        <LanguageChoice onLanguage={props.onLanguage} />
        {session && <Navigation session={session} current={area} />}
      </header>
      <main id="content" tabIndex={-1}>
        {props.children}
      </main>
    </>
  );
}

function Viewer({ session: { role, site, federation } }: { readonly session: Session }) {
  const { page } = useTexts();
  return (
    <p class="viewer">
      <strong>{site?.name ?? federation.id}</strong>
      <span>{role === 'site' ? page.siteOf(federation.id) : page.coordinator}</span>
    </p>
  );
}

function Navigation({ session, current }: { readonly session: Session; readonly current: Area | undefined }) {
  const text = useTexts();
  const areas = AREAS.filter(({ roles, inNavigation }) => inNavigation && roles.includes(session.role));
  return (
    <nav aria-label={text.page.navigation}>
      <ul>
        {areas.map(({ path, title }) => (
          <li key={path}>
            <a href={linkTo(path)} aria-current={isWithin(current, path) ? 'page' : undefined}>
              {title(text)}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Whether the shown screen is the area, or about one of its things. */
const isWithin = (current: Area | undefined, path: string): boolean =>
  current?.path === path || current?.path.startsWith(`${path}/`) === true;

function LanguageChoice({ onLanguage }: { readonly onLanguage: (language: Language) => void }) {
  const { page } = useTexts();
  return (
    <label class="language">
      <span class="hidden">{page.language}</span>
      <select value={useLanguage()} onChange={({ currentTarget }) => onLanguage(currentTarget.value as Language)}>
        {Object.entries(LANGUAGES).map(([language, { name }]) => (
          <option key={language} value={language} lang={language}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
