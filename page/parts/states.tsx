import type { ComponentChildren } from 'preact';
import type { RouteName } from '../api/routes.ts';
import type { ResponseOf } from '../api/schemas.ts';
import type { ApiError } from '../client.ts';
import { useTexts } from '../text/language.ts';
import type { ResourceState } from './use-resource.ts';

/** A screen without its content: what there is instead, and what to do. */
function Notice(props: {
  readonly mark: string;
  readonly title: string;
  readonly isAlert?: boolean;
  readonly children?: ComponentChildren;
}) {
  return (
    <section class="notice" role={props.isAlert ? 'alert' : undefined}>
      <span class="notice-mark" aria-hidden="true">
        {props.mark}
      </span>
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}

export function Loading() {
  const { states } = useTexts();
  return (
    <p class="loading" role="status">
      {states.loading}
    </p>
  );
}

/** Nothing there yet, and how something comes there. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) => (
  <Notice mark="○" title={title}>
    {children}
  </Notice>
);

/** Why something is not shown: not allowed, not signed in, not answered, or failed. */
export function Failure({ error, onRetry }: { readonly error: ApiError; readonly onRetry: () => void }) {
  const { states } = useTexts();
  const { code, message, hint, status } = error;
  const isForbidden = status === 403;
  const isAway = code === 'UNREACHABLE' || code === 'NO_SESSION';
  const title = isForbidden
    ? states.forbidden
    : code === 'NO_SESSION'
      ? states.noSession
      : isAway
        ? states.unreachable
        : states.failing;
  return (
    <Notice mark={isForbidden ? '⊘' : '!'} title={title} isAlert>
      {!isAway && <p class="reason">{message}</p>}
      <p class="reason">{isAway ? states.restart : hint}</p>
      {!isAway && <p class="quiet">{states.code(code)}</p>}
      {!isForbidden && (
        <button type="button" onClick={onRetry}>
          {states.retry}
        </button>
      )}
    </Notice>
  );
}

/** Shows a resource in each of its states: loading, forbidden, failing, stale, there. */
export function Resource<N extends RouteName>(props: {
  readonly state: ResourceState<N>;
  readonly children: (data: ResponseOf<N, Blob>) => ComponentChildren;
}) {
  const { states } = useTexts();
  const { data, error, reload } = props.state;
  if (data === undefined) return error ? <Failure error={error} onRetry={reload} /> : <Loading />;
  return (
    <>
      {error && (
        <p class="stale" role="status">
          ⚠ {error.code === 'UNREACHABLE' ? states.unreachable : states.stale}{' '}
          {error.code !== 'UNREACHABLE' && error.message}
        </p>
      )}
      {props.children(data)}
    </>
  );
}
