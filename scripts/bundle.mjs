// Bundles `ioasid exec` into few files, dist/bundle/: most of its start is the loading of modules.
// src/cli/exec/start.cts starts them.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Characters beyond ASCII as escapes: then the engine reads one byte a character, in half the time. */
const ascii = {
  name: 'ascii',
  generateBundle(_options, files) {
    for (const file of Object.values(files)) {
      if (file.type === 'chunk') file.code = file.code.replace(/[\u0080-\uffff]/g, escaped);
    }
  },
};
/** Modules of Node that few runs need, though their importers always load them: they are loaded when they are used. */
const late = {
  name: 'late',
  renderChunk: (code) =>
    code.replaceAll(
      /require\((["'`])(node:child_process)\1\)/g,
      (load) => `new Proxy({},{get:(_,name)=>${load}[name]})`,
    ),
};
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

export async function bundle() {
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    publicDir: false,
    plugins: [ascii, late],
    ssr: { noExternal: true, external: ['koffi'] },
    build: {
      ssr: 'dist/cli/exec/only.js',
      outDir: 'dist/bundle',
      target: 'node20',
      rolldownOptions: {
        output: {
          format: 'cjs',
          entryFileNames: 'exec.cjs',
          chunkFileNames: '[name]-[hash].cjs',
          minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
        },
      },
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
