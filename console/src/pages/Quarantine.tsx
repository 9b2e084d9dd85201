// Reports that could not be used, whole, for a person to mend.

import { useEffect, useState } from "preact/hooks";
import { type Held, quarantine, reportWhole } from "../api/deeds.ts";
import { events } from "../feed/store.ts";
import { utcDateTime } from "../format.ts";
import { Button, ForThose, Trouble } from "../parts/controls.tsx";
import { Page } from "./Page.tsx";

/** What a report says, when somebody asks: that they did is on record. */
function AsItCame({ id }: { id: string }) {
  const [raw, setRaw] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const show = (): void => void reportWhole(id).then((found) => (setRaw(found.raw), setError(null)), setError);
  if (raw !== null) return <pre class="raw">{raw}</pre>;
  return (
    <>
      <Button onPress={show} look="quiet">
        Show
      </Button>
      <Trouble error={error} />
    </>
  );
}

export function QuarantinePage() {
  const [held, setHeld] = useState<readonly Held[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const latest = events.value.findLast((event) => event.kind === "call-quarantined")?.seq ?? 0;
  useEffect(() => {
    let here = true;
    quarantine().then(
      (found) => here && (setHeld(found), setError(null)),
      (failure: unknown) => here && setError(failure),
    );
    return () => {
      here = false;
    };
  }, [latest]);
  return (
    <Page title="Quarantine" lead="Reports that could not be used, and why. Mend a report and take it as a new call. What stands here is personal data.">
      <ForThose who="quarantine">
        <Trouble error={error} />
        {held === null ? (
          <p class="soft">Asking…</p>
        ) : held.length === 0 ? (
          <p class="empty">Every report so far could be used.</p>
        ) : (
          <div class="table-frame" tabIndex={0} role="region" aria-label="Reports in quarantine">
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">From</th>
                  <th scope="col">Line</th>
                  <th scope="col">Why</th>
                  <th scope="col">As it came</th>
                </tr>
              </thead>
              <tbody>
                {held.map((one) => (
                  <tr key={one.id}>
                    <td class="num nowrap">{utcDateTime(one.at)}</td>
                    <td>{one.source}</td>
                    <td class="num">{one.line ?? "–"}</td>
                    <td>{one.reason}</td>
                    <td>
                      <AsItCame id={one.id} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </ForThose>
    </Page>
  );
}
