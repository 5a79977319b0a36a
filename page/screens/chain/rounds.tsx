import type { Chain } from '../../api/chain.ts';
import { useTexts } from '../../text/language.ts';
import type { Checked, Documents, Link } from './links.ts';

interface Shown {
  readonly documents: Documents;
  readonly checked: Checked;
  readonly onShow: (key: string) => void;
}

/** Every document in the order of the chain, with the links to what comes before it. */
export function Rounds({ chain, ...shown }: { readonly chain: Chain } & Shown) {
  const { chain: text } = useTexts();
  const { campaign, plan, outcome, stages } = chain;
  return (
    <>
      <Part title={text.campaignPlan} keys={[campaign, ...(plan === undefined ? [] : [plan])]} {...shown} />
      {stages
        .filter(({ rounds }) => rounds.length > 0)
        .map(({ name, rounds }) => (
          <section key={name} class="chain-stage">
            <h2>{name}</h2>
            <ol>
              {rounds.map(({ round, open, seal, commit }) => (
                <li key={round}>
                  <span class="chain-round">{text.round(round)}</span>
                  <Documented keys={[open, seal, commit].filter((key) => key !== undefined)} {...shown} />
                </li>
              ))}
            </ol>
          </section>
        ))}
      {outcome !== undefined && <Part title={text.outcome} keys={[outcome]} {...shown} />}
    </>
  );
}

const Part = ({ title, ...props }: { readonly title: string; readonly keys: readonly string[] } & Shown) => (
  <section class="chain-stage">
    <h2>{title}</h2>
    <Documented {...props} />
  </section>
);

/** Documents in a row, each with its links' state before it, and below them what is broken. */
function Documented({ keys, documents, checked, onShow }: { readonly keys: readonly string[] } & Shown) {
  const { chain: text } = useTexts();
  const links = checked.links.filter(({ holder }) => keys.includes(holder));
  const misplaced = checked.misplaced.filter(({ holder }) => keys.includes(holder));
  return (
    <>
      <span class="chain-row">
        {keys.map((key) => {
          const state = stateOf(links.filter(({ holder }) => holder === key));
          const isMisplaced = misplaced.some(({ holder }) => holder === key);
          return (
            <span key={key} class="chain-item">
              {state && <LinkMark state={state} />}
              <button
                type="button"
                class={state === 'broken' || isMisplaced ? 'chain-document broken' : 'chain-document'}
                title={key}
                onClick={() => onShow(key)}
              >
                {nameOf(key)} <code>{shortHash(documents.get(key)?.sha256)}</code>
              </button>
            </span>
          );
        })}
      </span>
      {links
        .filter(({ state }) => state === 'broken')
        .map((link) => (
          <p key={`${link.holder} ${link.field}`} class="chain-fault">
            ✕ {text.names(nameOf(link.holder), link.field, link.target === undefined ? '–' : nameOf(link.target))}{' '}
            <code>{text.named(link.named ?? text.noHash)}</code>,{' '}
            <code>{link.actual === undefined ? text.missing : text.actual(link.actual)}</code>
          </p>
        ))}
      {misplaced.map(({ holder }) => (
        <p key={holder} class="chain-fault">
          ✕ {text.elsewhere(nameOf(holder))}
        </p>
      ))}
    </>
  );
}

function LinkMark({ state }: { readonly state: Link['state'] }) {
  const { chain: text } = useTexts();
  const [mark, label] = {
    holds: ['⟵✓', text.linkHolds],
    broken: ['⟵✕', text.linkBroken],
    unread: ['⟵', text.linkOpen],
  }[state] as [string, string];
  return (
    <span class={`chain-link chain-link-${state}`} title={label}>
      <span aria-hidden="true">{mark}</span>
      <span class="hidden">{label}</span>
    </span>
  );
}

/** The state of all links of a document: one that is broken breaks it. */
function stateOf(links: readonly Link[]): Link['state'] | undefined {
  if (links.length === 0) return undefined;
  return (['broken', 'unread'] as const).find((state) => links.some((link) => link.state === state)) ?? 'holds';
}

const nameOf = (key: string): string => key.split('/').at(-1) ?? key;

const shortHash = (hash: string | undefined): string => hash?.slice(0, 8) ?? '…';
