/** The page: starts with the kernel that runs in it, or with the run that serves it. */
import { render } from 'preact';
import { App } from './shell/app.js';
import { listenForKeys } from './shell/keys.js';
import { openFirst } from './source/session.js';

const page = document.getElementById('page');
if (!page) throw new Error('the document has no place for the page');
openFirst();
listenForKeys();
render(<App />, page);
