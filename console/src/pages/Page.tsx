import type { ComponentChildren } from "preact";

/** A page of text and tables, beside the operation's own. */
export function Page({ title, lead, children }: { title: string; lead: string; children: ComponentChildren }) {
  return (
    <main class="page" id="main" tabIndex={-1}>
      <div class="page-inner">
        <h1>{title}</h1>
        <p class="soft lead">{lead}</p>
        {children}
      </div>
    </main>
  );
}
