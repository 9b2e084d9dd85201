// A list from the program that keeps itself fresh: asked for again when the record has grown, at the pace of reading.

import { signal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ledger } from "../feed/store.ts";

const FRESH_MS = 3_000;

/** Raised by whoever changed something: lists are asked for again at once. */
const changes = signal(0);

export function freshen(): void {
  changes.value = changes.peek() + 1;
}

export interface Fresh<T> {
  readonly value: T | null;
  readonly error: unknown;
}

/** Nothing is asked while nobody sees the page; and asking by itself keeps no session alive (`background`). */
export function useFresh<T>(ask: (background: boolean) => Promise<T>): Fresh<T> {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const last = useRef({ asked: 0, size: -1 });
  const again = (background: boolean): void => {
    const turn = ++last.current.asked;
    last.current.size = ledger.peek()?.size ?? -1;
    const settle = (act: () => void): void => {
      if (turn === last.current.asked) act(); // an older answer that comes late says nothing new
    };
    ask(background).then(
      (found) => settle(() => (setValue(found), setError(null))),
      (failure: unknown) => settle(() => setError(failure)),
    );
  };
  useSignalEffect(() => {
    void changes.value;
    again(false);
  });
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden && (ledger.peek()?.size ?? -1) !== last.current.size) again(true);
    }, FRESH_MS);
    return () => {
      clearInterval(timer);
      last.current.asked += 1;
    };
  }, []);
  return { value, error };
}
