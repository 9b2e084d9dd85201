// What came out of a disclosure, for as long as it is looked at. Personal data: kept in no storage, gone with the session.

import { effect, signal } from "@preact/signals";
import type { Disclosure } from "./api/authority.ts";
import { standing } from "./session.ts";

export const disclosed = signal<Disclosure | null>(null);

effect(() => {
  if (standing.value !== "in") disclosed.value = null;
});
