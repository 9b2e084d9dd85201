import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, sep } from "node:path";
import type { Plugin } from "vite";

const MODULES = `${sep}node_modules${sep}`;

/** Writes `licences.html`: the licence of every package whose code or font is in the bundle, as those licences ask. */
export function licences(): Plugin {
  const folders = new Set<string>();
  return {
    name: "bowstreet-licences",
    apply: "build",
    moduleParsed: ({ id }) => {
      const folder = packageFolder(id);
      if (folder !== undefined) folders.add(folder);
    },
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "licences.html", source: page([...folders].flatMap(withBundled).sort()) });
    },
  };
}

/** MapLibre comes as one built file; what it was built from asks for its licence too. */
function withBundled(folder: string): string[] {
  const { dependencies = {} } = manifest(folder) as { dependencies?: Record<string, string> };
  const root = folder.slice(0, folder.indexOf(MODULES) + MODULES.length);
  const inside = Object.keys(dependencies).map((name) => join(root, name));
  return [folder, ...inside.filter((path) => existsSync(join(path, "package.json")) && !path.includes("@types"))];
}

function packageFolder(id: string): string | undefined {
  const path = id.replace(/^\0/, "").split("?")[0] ?? "";
  const at = path.lastIndexOf(MODULES);
  if (at < 0) return undefined;
  const parts = path.slice(at + MODULES.length).split(sep);
  const name = parts[0]?.startsWith("@") ? parts.slice(0, 2) : parts.slice(0, 1);
  return path.slice(0, at + MODULES.length) + name.join(sep);
}

function manifest(folder: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
}

function page(folders: string[]): string {
  const sections = [...new Set(folders)].map((folder) => {
    const { name, version, license } = manifest(folder);
    const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file === undefined ? `Licence: ${String(license)}` : readFileSync(join(folder, file), "utf8");
    return `<h2>${escaped(`${String(name)} ${String(version)} (${String(license)})`)}</h2><pre>${escaped(text)}</pre>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Licences of what the console is made with</title>
<h1>Licences of what the console is made with</h1>${sections.join("\n")}</html>\n`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
