// The map of the page, for what is not drawn inside it: there is at most one.

import type { View } from "./view.ts";

let view: View | null = null;

export function holdMap(next: View | null): void {
  view = next;
}

export function focusMap(): void {
  view?.focus();
}

export function fitMap(): void {
  view?.fit();
}
