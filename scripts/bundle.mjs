// Bundles `ioasid exec` into one file, dist/bundle/exec.cjs: most of its start is the loading of modules.
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
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

export async function bundle() {
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    publicDir: false,
    plugins: [ascii],
    ssr: { noExternal: true, external: ['koffi'] },
    build: {
      ssr: 'dist/cli/exec-only.js',
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
