/** The state of the page as a link: `#/view?name=value`. What a URL holds, another reader sees. */
import { useSyncExternalStore } from 'preact/compat';

export interface Route {
  readonly view: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Reads the fragment of a URL, with or without its `#`. */
export function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#?\/?/, '').split('?');
  return { view: path, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Empty values are left out. */
export function formatRoute({ view, params }: Route): string {
  const entries = Object.entries(params).filter(([, value]) => value !== '');
  const query = new URLSearchParams(entries).toString();
  return `#/${view}${query ? `?${query}` : ''}`;
}

let shown = '';
let route: Route = { view: '', params: {} };

function current(): Route {
  if (location.hash !== shown) {
    shown = location.hash;
    route = parseRoute(shown);
  }
  return route;
}

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

/** Goes to another view. */
export function go(view: string, params: Readonly<Record<string, string>> = {}): void {
  location.hash = formatRoute({ view, params });
}

/** Changes parameters of this view; `quiet` leaves no entry in the history, as while somebody types. */
export function patch(params: Readonly<Record<string, string>>, quiet = false): void {
  const { view, params: old } = current();
  const hash = formatRoute({ view, params: { ...old, ...params } });
  if (hash === location.hash) return;
  if (!quiet) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, '', hash);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, current);
}
