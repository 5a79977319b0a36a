import { useEffect, useState } from 'preact/hooks';
import { Frame } from './parts/frame.tsx';
import { LazyScreen } from './parts/lazy.tsx';
import { Empty, Failure, Loading } from './parts/states.tsx';
import { useResource } from './parts/use-resource.ts';
import { type Place, placeOf, useHash } from './router.ts';
import { initialLanguage, keepLanguage, LANGUAGES, LanguageContext, useTexts } from './text/language.ts';

/** Sites may come and go, but seldom. */
const SESSION_EVERY = 60_000;

/** The whole page: language, session, and the screen of the address. */
export function App() {
  const [language, setLanguage] = useState(initialLanguage);
  const { data: session, error, reload } = useResource('session', {}, { every: SESSION_EVERY });
  const hash = useHash();
  const place = session && placeOf(hash, session.role);
  const { texts } = LANGUAGES[language];
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = place ? `${place.area.title(texts)} · fedcardio` : 'fedcardio';
  }, [language, place, texts]);
  return (
    <LanguageContext.Provider value={language}>
      <Frame
        session={session}
        area={place?.area}
        onLanguage={(chosen) => {
          keepLanguage(chosen);
          setLanguage(chosen);
        }}
      >
        {session ? (
          place ? (
            <LazyScreen {...(place as Place)} session={session} />
          ) : (
            <NoScreen isStart={hash.replace(/^#\/?/, '') === ''} />
          )
        ) : error ? (
          <Failure error={error} onRetry={reload} />
        ) : (
          <Loading />
        )}
      </Frame>
    </LanguageContext.Provider>
  );
}

function NoScreen({ isStart }: { readonly isStart: boolean }) {
  const { page } = useTexts();
  return <Empty title={isStart ? page.noScreens : page.notFound}>{!isStart && <a href="#/">{page.toStart}</a>}</Empty>;
}
