/** Installs and builds what is missing, and only that. */
export function prepare(): void;
/** Builds the page (dist/web), if it is older than its sources. */
export function prepareWeb(): void;
