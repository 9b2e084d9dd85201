// The incidents, the gravest first: what waits, and why; what is in hand, and by whom.

import { computed } from "@preact/signals";
import { isOver } from "../feed/picture.ts";
import { incidents, missions } from "../feed/store.ts";
import type { Incident, Mission } from "../feed/wire.ts";
import { capital, count } from "../format.ts";
import { Button } from "../parts/controls.tsx";
import { GradeMark, StateWord } from "../parts/marks.tsx";
import { Age, Until } from "../parts/times.tsx";
import { queueOf } from "../queue.ts";
import { openNewCall, select, selection } from "../state.ts";
import { closeReason, gradeName, phaseWord, stateWord } from "../words.ts";

const CLOSED_LISTED = 30;

export const queue = computed(() => queueOf(incidents.value.values()));
/** The ids in the order in which they are shown: what j and k walk along. */
export const queueIds = computed(() => [...queue.value.waiting, ...queue.value.inHand].map((one) => one.id));

const flights = computed(() => {
  const found = new Map<string, Mission>();
  for (const mission of missions.value.values()) if (!isOver(mission)) found.set(mission.incident_id, mission);
  return found;
});

export function QueuePanel() {
  const { waiting, inHand, closed } = queue.value;
  return (
    <div class="list-panel">
      <div class="panel-tools">
        <p class="soft">{count(waiting.length, "incident waits", "incidents wait")}</p>
        <Button onPress={openNewCall} deed="report" look="main" shortcut="n" icon="plus">
          New call
        </Button>
      </div>
      <Group title="Waiting for a drone" rows={waiting} empty="Nothing waits." />
      <Group title="In hand" rows={inHand} empty="No drone is on a call." />
      {closed.length === 0 ? null : (
        <details class="group">
          <summary>
            Closed <span class="count">{closed.length}</span>
          </summary>
          <Rows rows={closed.slice(0, CLOSED_LISTED)} />
        </details>
      )}
    </div>
  );
}

function Group({ title, rows, empty }: { title: string; rows: readonly Incident[]; empty: string }) {
  return (
    <section class="group" aria-label={title}>
      <h2>
        {title} <span class="count">{rows.length}</span>
      </h2>
      {rows.length === 0 ? <p class="empty">{empty}</p> : <Rows rows={rows} />}
    </section>
  );
}

function Rows({ rows }: { rows: readonly Incident[] }) {
  return (
    <ul class="rows">
      {rows.map((incident) => (
        <Row key={incident.id} incident={incident} mission={flights.value.get(incident.id)} />
      ))}
    </ul>
  );
}

function Row({ incident, mission }: { incident: Incident; mission: Mission | undefined }) {
  const chosen = selection.value?.kind === "incident" && selection.value.id === incident.id;
  const waits = incident.state === "open";
  return (
    <li>
      <button
        type="button"
        class="row incident"
        id={`queue-${incident.id}`}
        aria-current={chosen ? "true" : undefined}
        onClick={() => select({ kind: "incident", id: incident.id })}
      >
        <GradeMark grade={incident.grade} hollow={!waits} />
        <span class="row-main">
          <span class="row-title">
            <span class="unseen">{gradeName(incident.grade)}: </span>
            {capital(incident.category)}
          </span>
          <Below incident={incident} mission={mission} />
        </span>
        <span class="row-side">
          <Age since={incident.opened_at} />
          {incident.reports > 1 ? <span class="soft">{count(incident.reports, "call")}</span> : null}
        </span>
      </button>
    </li>
  );
}

const COMING = new Set(["authorised", "preflight", "climbing", "outbound"]);

function Below({ incident, mission }: { incident: Incident; mission: Mission | undefined }) {
  if (incident.state === "closed") {
    return <span class="row-below">Closed{incident.close_reason === null ? "" : `: ${closeReason(incident.close_reason)}`}</span>;
  }
  if (incident.state === "open") return <span class="row-below waits">{capital(incident.waiting_reason) || "Waits for a decision"}</span>;
  if (mission === undefined) return <span class="row-below">{stateWord(incident.state).label}</span>;
  return (
    <span class="row-below">
      <StateWord {...phaseWord(mission.phase)} /> <span class="num">{mission.vehicle_id}</span>
      {mission.eyes_on_at === null && mission.eta_at !== null && COMING.has(mission.phase) ? (
        <>
          {" "}
          eyes on in <Until at={mission.eta_at} />
        </>
      ) : null}
    </span>
  );
}
