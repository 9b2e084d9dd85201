import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const PACKABLE = /\.(js|css|html|svg|json)$/;
const WORTH_IT_BYTES = 1024; // below one packet there is nothing to win

/** Writes `.br` and `.gz` beside each asset, so that the server packs nothing while drones fly. */
export function compressed(): Plugin {
  let folder = "";
  return {
    name: "bowstreet-compressed",
    apply: "build",
    configResolved: (config) => {
      folder = config.build.outDir;
    },
    closeBundle: () => {
      for (const path of files(folder)) {
        const bytes = readFileSync(path);
        if (!PACKABLE.test(path) || bytes.length < WORTH_IT_BYTES) continue;
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

function files(folder: string): string[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? files(path) : [path]));
}
