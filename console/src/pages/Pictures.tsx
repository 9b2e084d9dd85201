// Every live picture at once, for a wall or a supervisor. Each one that is opened is on record.

import { useState } from "preact/hooks";
import { Button, ForThose } from "../parts/controls.tsx";
import { Picture } from "../video/Picture.tsx";
import { useSources } from "../video/sources.ts";
import { Page } from "./Page.tsx";

/** One browser decodes some nine pictures well. */
const MOST = 9;

export function PicturesPage() {
  const sources = useSources();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const shown = (sources ?? []).filter((one) => one.shown);
  const open = shown.filter((one) => !hidden.has(one.source_id)).slice(0, MOST);
  const dark = (sources ?? []).filter((one) => !one.shown);
  return (
    <Page title="Pictures" lead="Drones that are up and may show what they see. Every viewing is in the record: who, which drone, from when until when.">
      <ForThose who="watch">
        {sources === null ? (
          <p class="soft">Asking…</p>
        ) : shown.length === 0 ? (
          <p class="empty">No drone shows a picture now: {dark.length === 0 ? "none has a camera here" : `${dark.length} on the ground or dark`}.</p>
        ) : (
          <div class="wall">
            {open.map((one) => (
              <section key={one.source_id} aria-label={one.vehicle_id}>
                <h2 class="card-head">
                  {one.vehicle_id} <span class="soft">{one.why}</span>
                </h2>
                <Picture source={one.source_id} label={`Live picture of ${one.vehicle_id}`} />
                <Button onPress={() => setHidden(new Set([...hidden, one.source_id]))} look="quiet">
                  Hide
                </Button>
              </section>
            ))}
          </div>
        )}
        {hidden.size === 0 ? null : (
          <p>
            <Button onPress={() => setHidden(new Set())}>{`Show ${hidden.size} hidden`}</Button>
          </p>
        )}
      </ForThose>
    </Page>
  );
}
