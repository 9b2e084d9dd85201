// What callers said. It is not in the picture: it is asked for when somebody opens it, and the record says who did, and why.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { REASONS_TO_LOOK, words } from "../api/deeds.ts";
import type { Incident } from "../feed/wire.ts";
import { capital } from "../format.ts";
import { Trouble } from "../parts/controls.tsx";

/** Why one looks at an incident that is over and was not one's own, by incident. */
export const whys = signal<ReadonlyMap<string, string>>(new Map());

const mustSay = (error: unknown): boolean => error instanceof Problem && error.status === 409 && error.kind === "refused";

export function WordsPanel({ incident }: { incident: Incident }) {
  const [said, setSaid] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const why = whys.value.get(incident.id) ?? "";
  useEffect(() => {
    let here = true;
    words(incident.id, why).then(
      (found) => here && (setSaid(found.words), setError(null)),
      (failure: unknown) => here && (setSaid(null), setError(failure)),
    );
    return () => {
      here = false;
    };
  }, [incident.id, incident.reports, incident.state, why]);
  if (error !== null) {
    return (
      <section class="card" aria-label="What was said">
        <h3>What was said</h3>
        {mustSay(error) ? <SayWhy incident={incident} /> : <Trouble error={error} />}
      </section>
    );
  }
  return said === null || said === "" ? null : <blockquote class="said">{said}</blockquote>;
}

function SayWhy({ incident }: { incident: Incident }) {
  return (
    <>
      <p class="soft">It is over, and you had no part in it. What you look at, and why, is on record.</p>
      <label>
        Why do you look?{" "}
        <select onChange={(event) => (whys.value = new Map([...whys.value, [incident.id, event.currentTarget.value]]))}>
          <option value="">Choose…</option>
          {REASONS_TO_LOOK.map((reason) => (
            <option key={reason} value={reason}>
              {capital(reason.replaceAll("-", " "))}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}
