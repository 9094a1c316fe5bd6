/**
 * Who may talk to the page's server: the page that it served itself, for the user who got its URL. A foreign page cannot
 * know the token; a name that is made to resolve to this host (DNS rebinding) is refused by its Host header.
 */
import { timingSafeEqual } from 'node:crypto';

/** The header that carries the token of the URL's fragment, which browsers never send by themselves. */
export const TOKEN_HEADER = 'x-ioasid-token';

/** Nothing but the page's own files; no frame around it; the checker's Worker comes from a blob of its script. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** What of a request is judged. */
export interface Asked {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site. */
  readonly site: string | undefined;
  readonly token: string | undefined;
}

/** @returns why a request is refused; undefined: it is not. @param secret undefined: a file of the page, which anybody on this host may read */
export function refusal(
  { host, origin, site, token }: Asked,
  port: number,
  secret: string | undefined,
): string | undefined {
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (host === undefined || !names.includes(host)) return `the host is not ${names.join(' or ')}`;
  if (origin !== undefined && origin !== `http://${host}`) return 'another page asks';
  if (site !== undefined && site !== 'same-origin' && (secret !== undefined || site !== 'none'))
    return 'another site asks';
  if (secret === undefined) return undefined;
  if (token === undefined) return 'there is no token: open the URL that was printed';
  const [given, wanted] = [Buffer.from(token), Buffer.from(secret)];
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? undefined : 'the token is another';
}
