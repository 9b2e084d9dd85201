// A rule that is never closed takes all that follow it into itself, and no tool objects: nesting is CSS too.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const FOLDER = new URL("../src/style/", import.meta.url);

for (const name of readdirSync(FOLDER)) {
  test(`every rule of ${name} is closed`, () => {
    const text = readFileSync(new URL(name, FOLDER), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    let depth = 0;
    for (const [at, line] of text.split("\n").entries()) {
      if (/^[^\s}@].*\{$/.test(line)) assert.equal(depth, 0, `line ${at + 1} opens a rule inside another`);
      depth += line.split("{").length - line.split("}").length;
    }
    assert.equal(depth, 0);
  });
}
