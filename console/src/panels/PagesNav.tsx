// The pages in the top bar. Those that do not fit stand in a menu at its end: whoever signs out always finds that too.

import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { route } from "../route.ts";
import { allowed, type Deed } from "../session.ts";

const PAGES: readonly (readonly [string, string, Deed])[] = [
  ["", "Operation", "see"],
  ["pictures", "Pictures", "watch"],
  ["footage", "Footage", "watch"],
  ["quarantine", "Quarantine", "quarantine"],
  ["occurrences", "Occurrences", "occurrences"],
  ["deployments", "Recognition", "seeRecognition"],
  ["alerts", "Alerts", "seeAlerts"],
  ["authorisations", "Authority", "authorisations"],
  ["retention", "Retention", "authorisations"],
  ["requests", "Requests", "requests"],
  ["record", "Record", "see"],
  ["accounts", "Accounts", "accounts"],
];

export function PagesNav() {
  const row = useRef<HTMLUListElement>(null);
  const { page } = route.value;
  const pages = PAGES.filter(([, , deed]) => allowed(deed));
  const [fit, setFit] = useState(pages.length);
  // What does not fit wraps under the edge, where it is neither seen nor reached; only the width of the row decides how much that is.
  useLayoutEffect(() => {
    const list = row.current;
    if (list === null) return;
    const measure = (): void => {
      const items = [...list.children] as HTMLElement[];
      const top = items[0]?.offsetTop ?? 0;
      setFit(items.filter((item) => item.offsetTop === top).length);
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(list);
    return () => watch.disconnect();
  }, [pages.length]);
  const rest = pages.slice(fit);
  return (
    <nav class="pages-nav" aria-label="Pages">
      <ul ref={row} class="pages-row">
        {pages.map(([to, name], at) => (
          <li key={to} class={at < fit ? "" : "unfit"}>
            <PageLink page={to} name={name} />
          </li>
        ))}
      </ul>
      {rest.length === 0 ? null : <More key={page} pages={rest} />}
    </nav>
  );
}

function PageLink({ page, name }: { page: string; name: string }) {
  return (
    <a href={`#/${page}`} aria-current={route.value.page === page ? "page" : undefined}>
      {name}
    </a>
  );
}

function More({ pages }: { pages: readonly (readonly [string, string, Deed])[] }) {
  const id = useId();
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const here = pages.find(([to]) => to === route.value.page)?.[1];
  useEffect(() => {
    if (!open) return;
    const away = (event: Event): void => {
      if (!whole.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);
  const close = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="pages-more" ref={whole} onKeyDown={close}>
      <button ref={button} type="button" class={here === undefined ? "" : "here"} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {here === undefined ? "More" : here} <span aria-hidden="true">▾</span>
        {here === undefined ? null : <span class="unseen">, more pages</span>}
      </button>
      <ul id={id} hidden={!open}>
        {pages.map(([to, name]) => (
          <li key={to} onClick={() => setOpen(false)}>
            <PageLink page={to} name={name} />
          </li>
        ))}
      </ul>
    </div>
  );
}
