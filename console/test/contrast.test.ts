// WCAG 2.2 AA on the colours themselves: 4.5:1 for text (1.4.3), 3:1 for what tells a control or a sign from its ground (1.4.11).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../src/style/tokens.css", import.meta.url), "utf8");
const colours = new Map([...css.matchAll(/--([a-z-]+):\s*(#[0-9a-f]{6})/g)].map((match) => [match[1] as string, match[2] as string]));

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a: string, b: string): number {
  const [x, y] = [a, b].map((name) => luminance(colours.get(name) ?? assert.fail(`no colour ${name}`)));
  return (Math.max(x as number, y as number) + 0.05) / (Math.min(x as number, y as number) + 0.05);
}

const SURFACES = ["ground", "panel", "raised", "pressed"];
const TEXTS = ["text", "text-soft", "text-dim", "accent", "focus", "ok", "info", "quiet", "notice", "warning", "alarm", "pilot"];
const BRIGHT = ["accent", "focus", "grade-i", "grade-s", "grade-e", "grade-r", "alarm", "warning"];
const TINTED: Record<string, string[]> = {
  "alarm-ground": ["text", "text-soft", "text-dim", "alarm", "accent", "warning"],
  "warning-ground": ["text", "text-soft", "warning"],
  "pilot-ground": ["text", "text-soft", "text-dim", "pilot", "accent", "alarm", "warning"],
  "demo-ground": ["warning"],
  "map-land": ["map-label", "text-soft", "zone-active"],
  "map-land-out": ["map-label"],
};

test("the formula is that of WCAG", () => {
  colours.set("white", "#ffffff").set("black", "#000000").set("grey", "#767676");
  assert.equal(ratio("white", "black"), 21);
  assert.ok(Math.abs(ratio("white", "grey") - 4.54) < 0.01);
});

test("text has 4.5:1 on every surface it stands on", () => {
  for (const surface of SURFACES) for (const text of TEXTS) assert.ok(ratio(text, surface) >= 4.5, `${text} on ${surface}: ${ratio(text, surface).toFixed(2)}`);
  for (const [surface, texts] of Object.entries(TINTED)) {
    for (const text of texts) assert.ok(ratio(text, surface) >= 4.5, `${text} on ${surface}: ${ratio(text, surface).toFixed(2)}`);
  }
});

test("letters in bright signs and on bright buttons have 4.5:1", () => {
  for (const bright of BRIGHT) assert.ok(ratio("on-bright", bright) >= 4.5, `on-bright on ${bright}: ${ratio("on-bright", bright).toFixed(2)}`);
});

test("borders of controls, signs on the map and the focus have 3:1", () => {
  for (const surface of ["ground", "panel", "raised"]) assert.ok(ratio("edge", surface) >= 3, `edge on ${surface}: ${ratio("edge", surface).toFixed(2)}`);
  for (const sign of ["grade-i", "grade-s", "grade-e", "grade-r", "ok", "info", "quiet", "warning", "alarm", "pilot", "focus", "zone-active", "zone-idle"]) {
    for (const land of ["map-land", "map-land-out"]) assert.ok(ratio(sign, land) >= 3, `${sign} on ${land}: ${ratio(sign, land).toFixed(2)}`);
  }
});
