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

/** Take what was behind the # out of the address and the history. */
export function forgetAddress(): void {
  history.replaceState(null, "", "#/");
  route.value = current();
}
