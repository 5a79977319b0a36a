import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { piecesOf, prettyText } from './json-text.ts';
import type { Documents, ReadDocument } from './links.ts';
import { readDocument } from './read-documents.ts';

/** A document to read. Hashes and keys of other documents lead to them. */
export function DocumentDialog(props: {
  readonly campaign: string;
  /** Key of the document that is shown at first. */
  readonly first: string;
  readonly documents: Documents;
  readonly onClose: () => void;
}) {
  const { campaign, first, documents, onClose } = props;
  const { chain: text, states } = useTexts();
  const { bytes } = useFormats();
  const [key, setKey] = useState(first);
  const [others, setOthers] = useState<Documents>(new Map());
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const isKnown = documents.has(key) || others.has(key);
  useEffect(() => {
    if (isKnown) return;
    const controller = new AbortController();
    const keep = (document: ReadDocument | undefined) =>
      controller.signal.aborted || setOthers((before) => new Map(before).set(key, document));
    readDocument(campaign, key, controller.signal).then(keep, () => keep(undefined));
    return () => controller.abort();
  }, [campaign, key, isKnown]);
  const found = documents.get(key) ?? others.get(key);
  return (
    <dialog ref={dialog} class="document" aria-labelledby="document-key" onClose={onClose}>
      <header>
        <h2 id="document-key">{key}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          {text.close}
        </button>
      </header>
      {found ? (
        <>
          <p class="quiet">
            {text.sha256}: <code>{found.sha256}</code> · {text.bytes}: {bytes(found.bytes)}
          </p>
          <Content campaign={campaign} found={found} documents={documents} onFollow={setKey} />
        </>
      ) : (
        <p class="quiet">{isKnown ? text.missing : states.loading}</p>
      )}
    </dialog>
  );
}

function Content(props: {
  readonly campaign: string;
  readonly found: ReadDocument;
  readonly documents: Documents;
  readonly onFollow: (key: string) => void;
}) {
  const { campaign, found, documents, onFollow } = props;
  const { chain: text } = useTexts();
  const byHash = useMemo(
    () => new Map([...documents].flatMap(([key, document]) => (document ? [[document.sha256, key] as const] : []))),
    [documents],
  );
  const pieces = useMemo(() => {
    const isDocument = (key: string) =>
      key.endsWith('.json') && /^(campaigns|models|updates)\//.test(key) && key.split('/').includes(campaign);
    return found.value === undefined ? [{ text: found.text }] : piecesOf(prettyText(found.value), byHash, isDocument);
  }, [found, byHash, campaign]);
  return (
    <>
      {found.value === undefined && <p class="chain-fault">{text.notJson}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <pre tabIndex={0}>
        {pieces.map(({ text: piece, key }, index) =>
          key === undefined ? (
            piece
          ) : (
            <button key={index} type="button" class="follow" title={key} onClick={() => onFollow(key)}>
              {piece}
            </button>
          ),
        )}
      </pre>
    </>
  );
}
