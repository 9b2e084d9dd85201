// "Why this drone", "why none": the decisions about an incident, with every drone that was looked at.

import { useEffect, useState } from "preact/hooks";
import { decisions } from "../api/deeds.ts";
import type { Decision, Incident } from "../feed/wire.ts";
import { capital, count, duration } from "../format.ts";
import { Trouble } from "../parts/controls.tsx";
import { At } from "../parts/times.tsx";
import { whys } from "./Words.tsx";

const ASK_EVERY_MS = 10_000; // while it waits the answer may change without the incident changing
const LISTED = 8;

/** The decisions about an incident, oldest first; asked for again when the incident moves on. */
export function useDecisions(incident: Incident): { known: readonly Decision[] | null; error: unknown } {
  const [known, setKnown] = useState<readonly Decision[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const why = whys.value.get(incident.id) ?? "";
  const version = `${incident.id} ${incident.state} ${incident.mission_ids.length} ${incident.waiting_reason} ${why}`;
  useEffect(() => {
    let here = true;
    const ask = (): void => {
      decisions(incident.id, why).then(
        (found) => {
          if (!here) return;
          setKnown(found);
          setError(null);
        },
        (failure: unknown) => {
          if (here) setError(failure);
        },
      );
    };
    ask();
    const timer = incident.state === "open" ? window.setInterval(ask, ASK_EVERY_MS) : undefined;
    return () => {
      here = false;
      clearInterval(timer);
    };
  }, [version]);
  return { known, error };
}

export function WhyPanel({ incident }: { incident: Incident }) {
  const { known, error } = useDecisions(incident);
  const last = known?.at(-1);
  return (
    <section class="card why" aria-label={last?.outcome === "assigned" ? "Why this drone" : "Why none"}>
      <h3>{last === undefined ? "Why" : last.outcome === "assigned" ? "Why this drone" : "Why none"}</h3>
      {error !== null && known === null ? <Trouble error={error} /> : null}
      {known === null && error === null ? <p class="soft">Asking…</p> : null}
      {known !== null && last === undefined ? <p class="soft">No decision has been made yet.</p> : null}
      {last === undefined ? null : <DecisionView decision={last} />}
      {known !== null && known.length > 1 ? (
        <details>
          <summary>{count(known.length - 1, "earlier decision")}</summary>
          {known
            .slice(0, -1)
            .reverse()
            .map((one) => (
              <DecisionView key={one.at} decision={one} />
            ))}
        </details>
      ) : null}
    </section>
  );
}

function DecisionView({ decision }: { decision: Decision }) {
  const [all, setAll] = useState(false);
  const rows = ordered(decision);
  const shown = all ? rows : rows.slice(0, LISTED);
  return (
    <div class="decision">
      <ul class="reasons">
        {decision.reasons.map((reason) => (
          <li key={reason.code + reason.text}>{capital(reason.text)}</li>
        ))}
      </ul>
      <p class="soft">
        Decided at <At time={decision.at} /> in <span class="num">{decision.took_ms.toFixed(1)} ms</span>, {count(rows.length, "drone")} considered.
      </p>
      {rows.length === 0 ? null : (
        <table class="considered">
          <thead>
            <tr>
              <th scope="col">Drone</th>
              <th scope="col" class="right">
                There in
              </th>
              <th scope="col">Finding</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.vehicle_id} class={one.vehicle_id === decision.vehicle_id ? "chosen" : undefined}>
                <th scope="row" class="num">
                  {one.vehicle_id}
                  {one.vehicle_id === decision.vehicle_id ? <span class="unseen"> (sent)</span> : null}
                </th>
                <td class="num right">{one.eta_s === null ? "–" : duration(one.eta_s)}</td>
                <td>{capital(one.reason.text)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > LISTED ? (
        <button type="button" class="button quiet" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${rows.length}`}
        </button>
      ) : null}
    </div>
  );
}

/** The one that was sent, then by arrival; those without one last. */
function ordered(decision: Decision): Decision["considered"] {
  const rank = (one: Decision["considered"][number]): number =>
    one.vehicle_id === decision.vehicle_id ? -1 : (one.eta_s ?? Number.POSITIVE_INFINITY);
  return [...decision.considered].sort((a, b) => rank(a) - rank(b) || (a.vehicle_id < b.vehicle_id ? -1 : 1));
}
