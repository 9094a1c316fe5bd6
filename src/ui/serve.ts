/** Starts the page's server: on this host only, with a token that only the printed URL has. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type AppOptions, makeApp } from './app.js';

export interface Served {
  /** With the token in its fragment. */
  readonly url: string;
  /** Ends every connection, to pages and to runs. */
  close(): void;
}

/** Connections at once: 64 pages have a stream each, and ask. */
const MOST_CONNECTIONS = 256;
/** Who connects and does not say what he wants is let go of, milliseconds; so nobody is kept out by those who say nothing. */
const PATIENCE = { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 };

/** @param port 0: any that is free. @throws the system's error */
export async function serve(options: Omit<AppOptions, 'token' | 'port'>, port: number): Promise<Served> {
  const token = randomBytes(24).toString('base64url');
  let actual = port;
  const app = makeApp({ ...options, token, port: () => actual });
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: PATIENCE });
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  actual = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${actual}/#token=${token}`,
    close: () => {
      app.close();
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
    },
  };
}
