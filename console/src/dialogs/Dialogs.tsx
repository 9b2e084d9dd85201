// The dialogs. Each asks for what the record needs before something is done to a drone or an incident.

import { useState } from "preact/hooks";
import { activateZone, closeIncident, ground, launch, putBack, recall } from "../api/deeds.ts";
import { dronesById, fleet, incidents, missions } from "../feed/store.ts";
import type { Decision, Drone, Incident } from "../feed/wire.ts";
import { capital, duration } from "../format.ts";
import { Charge } from "../parts/charge.tsx";
import { Field, ReasonField, useDoing } from "../parts/controls.tsx";
import { GradeMark, StateWord } from "../parts/marks.tsx";
import { At } from "../parts/times.tsx";
import { Ask } from "../parts/modal.tsx";
import { useDecisions } from "../panels/Why.tsx";
import { announce, dialog } from "../state.ts";
import { droneWord, gradeName } from "../words.ts";
import { isForUs, zonesById } from "../zones.ts";
import { DecideDialog, OrderDialog, RevokeDialog } from "./Authority.tsx";
import { EvidenceDialog } from "./Evidence.tsx";
import { Help } from "./Help.tsx";

export function Dialogs() {
  const asked = dialog.value;
  if (asked === null) return null;
  if (asked.kind === "help") return <Help />;
  if (asked.kind === "launch") {
    const incident = incidents.value.get(asked.incident);
    return incident === undefined ? null : <LaunchDialog key={asked.incident} incident={incident} />;
  }
  if (asked.kind === "recall") return <RecallDialog key={asked.mission} mission={asked.mission} />;
  if (asked.kind === "close") return <CloseDialog key={asked.incident} incident={asked.incident} />;
  if (asked.kind === "decide") return <DecideDialog key={asked.authorisation.authorisation_id} one={asked.authorisation} allow={asked.allow} />;
  if (asked.kind === "revoke") return <RevokeDialog key={asked.authorisation.authorisation_id} one={asked.authorisation} />;
  if (asked.kind === "order") return <OrderDialog key={asked.authorisation.authorisation_id} one={asked.authorisation} />;
  if (asked.kind === "evidence") return <EvidenceDialog key={asked.incident} incident={asked.incident} recording={asked.recording} />;
  if (asked.kind === "zone") return <ZoneDialog key={asked.zone} zone={asked.zone} activate={asked.activate} />;
  return <GroundDialog key={asked.vehicle} vehicle={asked.vehicle} back={asked.back} />;
}

const filled = (reason: string): boolean => reason.trim() !== "";

// --- launch by hand -----------------------------------------------------------------------------------------------------

const LISTED = 40;

function LaunchDialog({ incident }: { incident: Incident }) {
  const doing = useDoing();
  const { known } = useDecisions(incident);
  const [vehicle, setVehicle] = useState("");
  const [reason, setReason] = useState("");
  const [wanted, setWanted] = useState("");
  const decision = known?.at(-1);
  const choices = candidates(incident, decision, wanted);
  return (
    <Ask
      title="Launch a drone"
      wide
      doing={doing}
      verb={vehicle === "" ? "Launch" : `Launch ${vehicle}`}
      ready={vehicle !== "" && filled(reason)}
      onConfirm={async () => {
        await launch(incident.id, vehicle, reason.trim());
        announce(`${vehicle} is launched`);
      }}
    >
      <p class="for">
        <GradeMark grade={incident.grade} hollow={incident.state !== "open"} /> {gradeName(incident.grade)}: {capital(incident.category)}
      </p>
      <p class="soft">
        The same rules hold as for any launch: a drone that may not fly is refused, with the reason.
        {decision === undefined || decision.considered.length === 0 ? null : <> Times and findings are dispatch’s, of <At time={decision.at} />.</>}
      </p>
      <Field label="Find a drone">
        {(id) => <input id={id} type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} data-autofocus />}
      </Field>
      <fieldset class="choices">
        <legend>Drone</legend>
        {choices.length === 0 ? <p class="soft">No drone is like that.</p> : null}
        {choices.slice(0, LISTED).map(({ drone, eta_s, finding }) => (
          <label key={drone.id} class="choice">
            <input type="radio" name="vehicle" value={drone.id} checked={vehicle === drone.id} onChange={() => setVehicle(drone.id)} />
            <span class="num choice-id">{drone.id}</span>
            <StateWord {...droneWord(drone)} />
            <span class="num right">{eta_s === null ? "–" : duration(eta_s)}</span>
            <Charge fraction={drone.charge_fraction} />
            <span class="soft choice-why">{capital(finding)}</span>
          </label>
        ))}
        {choices.length > LISTED ? <p class="soft">And {choices.length - LISTED} more: find one by name above.</p> : null}
      </fieldset>
      <ReasonField value={reason} onChange={setReason} usual={["Nearer by local knowledge", "A second view is needed", "Asked for by officers on scene"]} />
    </Ask>
  );
}

interface Candidate {
  readonly drone: Drone;
  readonly eta_s: number | null;
  readonly finding: string;
}

/** By arrival as dispatch last worked it out, then by distance: those it did not look at have no time. */
function candidates(incident: Incident, decision: Decision | undefined, wanted: string): Candidate[] {
  const found = new Map(decision?.considered.map((one) => [one.vehicle_id, one]));
  const text = wanted.trim().toLowerCase();
  return fleet.value
    .filter((drone) => text === "" || `${drone.id} ${drone.dock_id} ${droneWord(drone).label}`.toLowerCase().includes(text))
    .map((drone) => ({ drone, eta_s: found.get(drone.id)?.eta_s ?? null, finding: found.get(drone.id)?.reason.text ?? drone.reason }))
    .sort((a, b) => (a.eta_s ?? Infinity) - (b.eta_s ?? Infinity) || distance(a.drone, incident) - distance(b.drone, incident));
}

/** For ordering only: degrees, with those of longitude as long as they are in London. */
function distance(drone: Drone, incident: Incident): number {
  if (drone.lat === null || drone.lon === null) return Infinity;
  return Math.hypot(drone.lat - incident.lat, (drone.lon - incident.lon) * Math.cos((incident.lat * Math.PI) / 180));
}

// --- the others ---------------------------------------------------------------------------------------------------------

function RecallDialog({ mission }: { mission: string }) {
  const doing = useDoing();
  const [reason, setReason] = useState("");
  const flight = missions.value.get(mission);
  const incident = incidents.value.get(flight?.incident_id ?? "");
  const vehicle = flight?.vehicle_id ?? "the drone";
  return (
    <Ask
      title={`Recall ${vehicle}`}
      grave
      doing={doing}
      verb={`Recall ${vehicle}`}
      ready={filled(reason)}
      onConfirm={async () => {
        await recall(mission, reason.trim());
        announce(`${vehicle} is recalled`);
      }}
    >
      <p>
        It leaves its incident{incident === undefined ? "" : <>, <strong>{incident.category}</strong>,</>} and flies home at once. The incident waits for
        another drone unless it is closed.
      </p>
      <ReasonField value={reason} onChange={setReason} usual={["Stood down by officers", "Not needed any more", "Weather", "Safety of people below"]} />
    </Ask>
  );
}

function CloseDialog({ incident }: { incident: string }) {
  const doing = useDoing();
  const [reason, setReason] = useState("");
  const known = incidents.value.get(incident);
  return (
    <Ask
      title="Close the incident"
      grave
      doing={doing}
      verb="Close it"
      ready={filled(reason)}
      onConfirm={async () => {
        await closeIncident(incident, reason.trim());
        announce("The incident is closed");
      }}
    >
      <p>
        <strong>{known?.category ?? incident}</strong> is closed, and its drones are called back.
      </p>
      <ReasonField value={reason} onChange={setReason} usual={["Attended by officers", "Made in error", "Called off by the caller", "Handled elsewhere"]} />
    </Ask>
  );
}

function GroundDialog({ vehicle, back }: { vehicle: string; back: boolean }) {
  const doing = useDoing();
  const [reason, setReason] = useState("");
  const flies = dronesById.value.get(vehicle)?.mission_id != null;
  return (
    <Ask
      title={back ? `Put ${vehicle} back into service` : `Take ${vehicle} out of service`}
      grave={!back}
      doing={doing}
      verb={back ? "Put it back" : "Take it out"}
      ready={filled(reason)}
      onConfirm={() => (back ? putBack(vehicle, reason.trim()) : ground(vehicle, reason.trim()))}
    >
      <p>{back ? "It may be sent again as soon as its checks pass." : `It is not sent any more until a supervisor puts it back.${flies ? " It flies now, and is called back." : ""}`}</p>
      <ReasonField
        value={reason}
        onChange={setReason}
        usual={back ? ["Checked and found good", "Mended"] : ["Maintenance due", "Damage suspected", "Odd behaviour in flight"]}
      />
    </Ask>
  );
}

function ZoneDialog({ zone, activate }: { zone: string; activate: boolean }) {
  const doing = useDoing();
  const [reason, setReason] = useState("");
  const known = zonesById.value.get(zone);
  return (
    <Ask
      title={activate ? "Say that airspace is active" : "Say that airspace is not active"}
      grave={!activate}
      doing={doing}
      verb={activate ? "It is active" : "It is not active"}
      ready={filled(reason)}
      onConfirm={() => activateZone(zone, activate, reason.trim())}
    >
      <p>
        <strong>{known?.name ?? zone}</strong>: {zoneChange(known !== undefined && isForUs(known), activate)}
      </p>
      <ReasonField value={reason} onChange={setReason} usual={["NOTAM", "Told by the air traffic unit", "Told by the police air desk"]} />
    </Ask>
  );
}

function zoneChange(ours: boolean, activate: boolean): string {
  if (ours) return activate ? "from now on drones may be launched in it." : "from now on none is launched in it.";
  return activate ? "from now on no route goes through it, and drones inside it leave." : "from now on routes may go through it.";
}
