// Before and after: a press opens the link, so that no program that looks into messages does; then why it is over.

import { useEffect, useState } from "preact/hooks";
import { look, openLink, Trouble } from "./api.ts";
import { Page } from "./Page.tsx";
import type { Opened } from "./wire.ts";

/** After opening, the address names the link, which opens nothing without this browser's cookie. */
const NAME = /^#(lnk-[0-9A-Za-z-]+)$/;

type Stage = { at: "door" } | { at: "opening" } | { at: "open"; opened: Opened } | { at: "out"; trouble: Trouble; again: boolean };

export function Door() {
  const [stage, setStage] = useState<Stage>({ at: "door" });
  const [secret] = useState(() => (NAME.test(location.hash) ? "" : location.hash.slice(1)));
  const known = NAME.exec(location.hash)?.[1] ?? "";

  const enter = (asked: Promise<Opened>): void => {
    setStage({ at: "opening" });
    asked.then(
      (opened) => {
        // The secret goes out of the address, so that it is in no picture of the screen and no list of open pages.
        history.replaceState(null, "", `#${opened.link.link_id}`);
        setStage({ at: "open", opened });
      },
      (error: unknown) => setStage(outside(error)),
    );
  };
  const over = (link: string): void => {
    look(link).then(
      (opened) => setStage({ at: "open", opened }),
      (error: unknown) => setStage(outside(error)),
    );
  };
  useEffect(() => {
    if (known !== "") enter(look(known));
  }, []);

  if (stage.at === "open") return <Page key={stage.opened.state.now} opened={stage.opened} onOver={() => over(stage.opened.link.link_id)} />;
  return (
    <main class="door">
      <h1>Eyes on the scene</h1>
      {stage.at === "out" ? (
        <div role="alert" class="trouble">
          <p>
            <strong>{sentence(stage.trouble.message)}</strong>
          </p>
          <p>{sentence(stage.trouble.remedy)}</p>
        </div>
      ) : secret === "" && known === "" ? (
        <p>Open this page by the link that the control room gave you.</p>
      ) : (
        <>
          <p>You are about to see live pictures of one incident.</p>
          <ul>
            <li>The link is for you alone, and is bound to this phone.</li>
            <li>That you look, and when, is on record.</li>
            <li>This page does not ask where you are.</li>
          </ul>
        </>
      )}
      {secret === "" || (stage.at === "out" && !stage.again) ? null : (
        <button type="button" class="button main" disabled={stage.at === "opening"} onClick={() => enter(openLink(secret))}>
          {stage.at === "opening" ? "Opening…" : stage.at === "out" ? "Try again" : "Open the picture"}
        </button>
      )}
    </main>
  );
}

function outside(error: unknown): Stage {
  const trouble = error instanceof Trouble ? error : new Trouble(0, "Something went wrong", "Load the page again.");
  return { at: "out", trouble, again: trouble.status === 0 || trouble.status >= 500 || trouble.status === 429 };
}

function sentence(text: string): string {
  return text === "" ? "" : `${text.slice(0, 1).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}
