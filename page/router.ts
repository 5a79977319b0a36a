import { useEffect, useState } from 'preact/hooks';
import { matchPath } from './api/paths.ts';
import type { Role } from './api/routes.ts';
import { AREAS, type Area } from './areas.ts';

export interface Place {
  readonly area: Area;
  readonly params: Readonly<Record<string, string>>;
}

/** The area and parameters of an address such as `#/campaigns/tavi`; the start of the role if there is none. */
export function placeOf(hash: string, role: Role): Place | undefined {
  const own = AREAS.filter(({ roles }) => roles.includes(role));
  const path = hash.replace(/^#\/?/, '').replace(/\?.*$/s, '');
  for (const area of own) {
    const params = matchPath(area.path, path);
    if (params) return { area, params };
  }
  const [start] = own;
  return start && path === '' ? { area: start, params: {} } : undefined;
}

/** The part of the address behind `#`, as it changes. */
export function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    // The address may have changed between the first drawing and this moment.
    changed();
    return () => removeEventListener('hashchange', changed);
  }, []);
  return hash;
}
