import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

// Compressed once here, so that no request ever waits for it: the editor is 4 MB of text.
function compressed() {
  let folder;
  return {
    name: 'compressed',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir, config.build.assetsDir);
    },
    closeBundle() {
      for (const name of readdirSync(folder).filter((one) => /\.(js|css|svg)$/.test(one))) {
        const text = readFileSync(join(folder, name));
        writeFileSync(join(folder, `${name}.gz`), gzipSync(text, { level: 9 }));
        const quality = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(text, { params: quality }));
      }
    },
  };
}

export default defineConfig({
  // Where the API serves the build; api/transport/explorer.py knows the same path.
  base: '/static/',
  build: {
    outDir: '../api/transport/static',
    emptyOutDir: true,
    target: 'es2022',
    // An asset in a data: address would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    // The editor is large, and comes after the page is there.
    chunkSizeWarningLimit: 5000,
    rolldownOptions: {
      // "use client" means something to servers that render React, which is not what this is.
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
  worker: { format: 'es' },
  // `npm run dev` beside `make run`: the page from here, the API from there.
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8000', ws: true } } },
  plugins: [compressed()],
});
