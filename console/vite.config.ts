import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { compressed } from "./vite/compressed.ts";
import { licences } from "./vite/licences.ts";

const STATIC = fileURLToPath(new URL("../src/bowstreet/console/static", import.meta.url));

const PAGE = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const WORKER = "alerts-worker";

export default defineConfig({
  base: "./",
  plugins: [licences(), compressed()],
  build: {
    outDir: STATIC,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy admits fonts from this origin only, not from data: addresses
    modulePreload: { polyfill: false }, // the polyfill is for browsers without module workers, which the map needs anyway
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      // Two programs: the room's console, and the small page of an officer on the ground. And what the browser runs when it is
      // called with the page closed: that has no hash in its name, for a browser asks for it again under the name that it knows.
      input: { index: PAGE("index.html"), officer: PAGE("officer.html"), [WORKER]: PAGE("src/worker/alerts.ts") },
      output: {
        entryFileNames: (chunk) => (chunk.name === WORKER ? "[name].js" : "assets/[name]-[hash].js"),
        // The server tells browsers never to guess a type, and .mjs is not in everyone's table: the map's worker goes out as .js.
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".mjs")) ? "assets/[name]-[hash].js" : "assets/[name]-[hash][extname]",
      },
    },
  },
});
