// Pages are addresses behind the #: the server knows one page, and a setup token never reaches its log.

import { signal } from "@preact/signals";

export interface Route {
  readonly page: string;
  readonly query: URLSearchParams;
}

function current(): Route {
  const [page = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { page, query: new URLSearchParams(query) };
}

export const route = signal(current());

window.addEventListener("hashchange", () => {
  route.value = current();
});

export function go(page: string): void {
  location.hash = `/${page}`;
}

/** An address within the console, with what is chosen there; what is empty is left out. */
export function address(page: string, query: Readonly<Record<string, string>> = {}): string {
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${page}${said === "" ? "" : `?${said}`}`;
}

/** Change what is chosen on this page, so that its address can be kept and sent; no step of the history. */
export function choose(query: Readonly<Record<string, string>>): void {
  const now = Object.fromEntries(route.peek().query);
  history.replaceState(null, "", address(route.peek().page, { ...now, ...query }));
  route.value = current();
}

/** Take what was behind the # out of the address and the history. */
export function forgetAddress(): void {
  history.replaceState(null, "", "#/");
  route.value = current();
}
