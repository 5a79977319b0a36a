import { Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';

/** Dead letters of a queue: what each is about, and its text. They stay in the queue. */
export function Letters({ queue }: { readonly queue: string }) {
  const { operations: text } = useTexts();
  const state = useResource('letters', {}, { every: 0, query: { queue } });
  return (
    <section class="letters" aria-labelledby="letters">
      <h3 id="letters">{text.lettersOf(queue)}</h3>
      <Resource state={state}>
        {({ letters }) => (
          <ul>
            {letters.map(({ id, about, body }) => (
              <li key={id}>
                <details>
                  <summary>{about}</summary>
                  <pre>{body}</pre>
                </details>
              </li>
            ))}
            {letters.length === 0 && <li>{text.noLetters}</li>}
          </ul>
        )}
      </Resource>
    </section>
  );
}
