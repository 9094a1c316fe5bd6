// npm run build:web: the page, one folder (dist/web) that works from a file and from any static host.
import { prepare, prepareWeb } from './prepare.mjs';

prepare();
prepareWeb();
