// What is known of the thing that is selected: an incident, a drone, a dock, a zone.

import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { docks, drones, dronesById, events, incidents, missionOfVehicle } from "../feed/store.ts";
import type { Dock, Drone, FeedEvent, Incident } from "../feed/wire.ts";
import { capital, count, degrees, metres, position } from "../format.ts";
import type { Zone } from "../api/deeds.ts";
import { EvidenceButton } from "../dialogs/Evidence.tsx";
import { Charge } from "../parts/charge.tsx";
import { Button } from "../parts/controls.tsx";
import { GradeMark, Icon, StateWord } from "../parts/marks.tsx";
import { Age, At } from "../parts/times.tsx";
import { address } from "../route.ts";
import { allowed } from "../session.ts";
import { dialog, flightsOf, following, select, selection } from "../state.ts";
import { closeReason, dockWord, droneWord, gradeName, isAirborne, stateWord, statusWord } from "../words.ts";
import { isForUs, limits, restriction, zonesById } from "../zones.ts";
import { MissionCard } from "./MissionCard.tsx";
import { OfficersPanel } from "./Officers.tsx";
import { EventList } from "./Timeline.tsx";
import { WatchPanel } from "./Watch.tsx";
import { WhyPanel } from "./Why.tsx";
import { WordsPanel } from "./Words.tsx";

export function Details() {
  const chosen = selection.value;
  if (chosen === null) return null;
  if (chosen.kind === "incident") {
    const incident = incidents.value.get(chosen.id);
    return incident === undefined ? <Gone /> : <IncidentDetails key={incident.id} incident={incident} />;
  }
  if (chosen.kind === "drone") {
    const drone = dronesById.value.get(chosen.id);
    return drone === undefined ? <Gone /> : <DroneDetails key={drone.id} drone={drone} />;
  }
  if (chosen.kind === "dock") {
    const dock = docks.value.get(chosen.id);
    return dock === undefined ? <Gone /> : <DockDetails key={dock.id} dock={dock} />;
  }
  const zone = zonesById.value.get(chosen.id);
  return zone === undefined ? <Gone /> : <ZoneDetails key={zone.zone_id} zone={zone} />;
}

function Gone() {
  return (
    <Frame title="Not known any more" kind="Selection">
      <p class="soft">It is no longer in the picture. The record has it.</p>
    </Frame>
  );
}

interface FrameProps {
  readonly title: ComponentChildren;
  readonly kind: string;
  readonly children: ComponentChildren;
}

/** A panel with its heading and a way out. On a phone it takes the focus, for it covers what was there. */
export function Frame({ title, kind, children }: FrameProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (window.matchMedia("(max-width: 800px)").matches) heading.current?.focus();
  }, []);
  return (
    <div class="details">
      <header class="details-head">
        <div>
          <p class="kind">{kind}</p>
          <h2 ref={heading} tabIndex={-1}>
            {title}
          </h2>
        </div>
        <button type="button" class="button quiet only-icon" aria-label="Close this panel (Esc)" onClick={() => select(null)}>
          <Icon name="close" />
        </button>
      </header>
      <div class="details-body">{children}</div>
    </div>
  );
}

function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

// --- an incident ------------------------------------------------------------------------------------------------------

function IncidentDetails({ incident }: { incident: Incident }) {
  const flights = flightsOf(incident);
  const closed = incident.state === "closed";
  return (
    <Frame
      kind={`${gradeName(incident.grade)} incident`}
      title={
        <>
          <GradeMark grade={incident.grade} hollow={incident.state !== "open"} size={24} /> {capital(incident.category)}
        </>
      }
    >
      <p class="standing">
        <StateWord {...stateWord(incident.state)} />
        {closed ? (
          <span class="soft">{incident.close_reason === null ? "" : closeReason(incident.close_reason)}</span>
        ) : (
          <span class="soft">
            open for <Age since={incident.opened_at} />
          </span>
        )}
      </p>
      {incident.state === "open" && incident.waiting_reason !== "" ? <p class="note waits">{capital(incident.waiting_reason)}</p> : null}
      <div class="actions">
        <Button
          onPress={() => (dialog.value = { kind: "launch", incident: incident.id })}
          deed="launch"
          why={closed ? "The incident is closed." : ""}
          look={incident.state === "open" ? "main" : "plain"}
          shortcut="l"
        >
          Launch a drone…
        </Button>
        <Button onPress={() => (dialog.value = { kind: "close", incident: incident.id })} deed="close" why={closed ? "The incident is closed." : ""}>
          Close…
        </Button>
        {allowed("watch") ? (
          <a class="button plain" href={address("footage", { incident: incident.id })}>
            Footage
          </a>
        ) : null}
        <EvidenceButton incident={incident.id} />
      </div>
      {closed ? null : <WatchPanel incident={incident} />}
      <OfficersPanel incident={incident} />
      <WordsPanel incident={incident} />
      {flights.map((mission) => (
        <MissionCard key={mission.id} mission={mission} of={incident} />
      ))}
      <WhyPanel incident={incident} />
      <section class="card" aria-label="Facts">
        <h3>Facts</h3>
        <Facts
          rows={[
            ["Reported", <At time={incident.reported_at} />],
            ["Opened", <At time={incident.opened_at} />],
            ["Eyes on", incident.eyes_on_at === null ? "–" : <At time={incident.eyes_on_at} />],
            ["Calls", String(incident.reports)],
            ["Place", <span class="num">{position(incident.lat, incident.lon)}</span>],
            ["Number", <span class="mono">{incident.id}</span>],
          ]}
        />
      </section>
      <Happened about={(event) => event.incident_id === incident.id || (event.mission_id !== undefined && incident.mission_ids.includes(event.mission_id))} />
    </Frame>
  );
}

function Happened({ about }: { about: (event: FeedEvent) => boolean }) {
  const some = events.value.filter(about).reverse();
  return (
    <section class="card" aria-label="Timeline">
      <h3>Timeline</h3>
      {some.length === 0 ? <p class="soft">Nothing yet.</p> : <EventList events={some} plain />}
    </section>
  );
}

// --- a drone ------------------------------------------------------------------------------------------------------------

function DroneDetails({ drone }: { drone: Drone }) {
  const mission = missionOfVehicle.value.get(drone.id);
  const dock = docks.value.get(drone.dock_id);
  const grounded = drone.status === "grounded";
  return (
    <Frame kind="Drone" title={<span class="num">{drone.id}</span>}>
      <p class="standing">
        <StateWord {...droneWord(drone)} />
        {drone.reason === "" ? null : <span class="soft">{capital(drone.reason)}</span>}
      </p>
      <div class="actions">
        <Button
          onPress={() => (following.value = !following.value)}
          pressed={following.value}
          why={isAirborne(drone) ? "" : "It is not in the air."}
          icon="target"
        >
          Follow on the map
        </Button>
        <Button onPress={() => (dialog.value = { kind: "ground", vehicle: drone.id, back: grounded })} deed="ground" look={grounded ? "main" : "plain"}>
          {grounded ? "Put back into service…" : "Take out of service…"}
        </Button>
      </div>
      {mission === undefined ? <Charge fraction={drone.charge_fraction} wide /> : <MissionCard mission={mission} withDrone={false} />}
      {mission === undefined ? null : <Serves incident={incidents.value.get(mission.incident_id)} />}
      <section class="card" aria-label="Facts">
        <h3>Facts</h3>
        <Facts
          rows={[
            ["Status", statusWord(drone.status).label],
            [
              "Dock",
              dock === undefined ? (
                drone.dock_id
              ) : (
                <button type="button" class="link" onClick={() => select({ kind: "dock", id: dock.id })}>
                  {dock.name}
                </button>
              ),
            ],
            ["Height above dock", <span class="num">{metres(drone.height_m_above_dock)}</span>],
            ["Ground speed", <span class="num">{drone.ground_speed_mps.toFixed(1)} m/s</span>],
            ["Heading", <span class="num">{degrees(drone.heading_deg)}</span>],
            ["Place", <span class="num">{drone.lat === null || drone.lon === null ? "not heard yet" : position(drone.lat, drone.lon)}</span>],
            ["Airframe", drone.airframe],
            ["MAVLink system", <span class="num">{drone.system_id}</span>],
          ]}
        />
      </section>
      <Happened about={(event) => event.vehicle_id === drone.id} />
    </Frame>
  );
}

function Serves({ incident }: { incident: Incident | undefined }) {
  if (incident === undefined) return null;
  return (
    <button type="button" class="row incident boxed" onClick={() => select({ kind: "incident", id: incident.id })}>
      <GradeMark grade={incident.grade} hollow={incident.state !== "open"} />
      <span class="row-main">
        <span class="row-title">{capital(incident.category)}</span>
        <span class="row-below">The incident it flies for</span>
      </span>
      <span class="row-side">
        <Age since={incident.opened_at} />
      </span>
    </button>
  );
}

// --- a dock -------------------------------------------------------------------------------------------------------------

const byDock = computed(() => Map.groupBy(drones.value, (drone) => drone.dock_id));

function DockDetails({ dock }: { dock: Dock }) {
  const own = byDock.value.get(dock.id) ?? [];
  return (
    <Frame kind="Dock" title={dock.name}>
      <p class="standing">
        <StateWord {...dockWord(dock.status)} />
        {dock.reason === "" ? null : <span class="soft">{capital(dock.reason)}</span>}
      </p>
      <Facts
        rows={[
          ["Pads taken", <span class="num">{`${dock.pads_taken} of ${dock.pads}`}</span>],
          ["Place", <span class="num">{position(dock.lat, dock.lon)}</span>],
          ["Name in the record", <span class="mono">{dock.id}</span>],
        ]}
      />
      <section class="card" aria-label="Drones of this dock">
        <h3>{count(own.length, "drone")}</h3>
        <ul class="rows">
          {own.map((drone) => (
            <li key={drone.id}>
              <button type="button" class="row" onClick={() => select({ kind: "drone", id: drone.id })}>
                <span class="row-main">
                  <span class="row-title num">{drone.id}</span>
                  <span class="row-below">
                    <StateWord {...droneWord(drone)} /> {drone.reason}
                  </span>
                </span>
                <Charge fraction={drone.charge_fraction} />
              </button>
            </li>
          ))}
        </ul>
      </section>
    </Frame>
  );
}

// --- a zone -------------------------------------------------------------------------------------------------------------

function ZoneDetails({ zone }: { zone: Zone }) {
  return (
    <Frame kind="Airspace" title={zone.name}>
      <p class="standing">
        <StateWord label={zone.active ? "Active now" : "Not active now"} tone={zone.active === isForUs(zone) ? (zone.active ? "ok" : "quiet") : "warning"} />
        <span class="soft">{isForUs(zone) ? "Made for these flights: they stay inside it" : ""}</span>
      </p>
      <div class="actions">
        <Button onPress={() => (dialog.value = { kind: "zone", zone: zone.zone_id, activate: !zone.active })} deed="zones">
          {zone.active ? "Say it is not active…" : "Say it is active…"}
        </Button>
      </div>
      <Facts
        rows={[
          ["Restriction", restriction(zone.restriction)],
          ["Limits", <span class="num">{limits(zone)}</span>],
          ["Kind", zone.kind],
          ["Authority", zone.authority || "–"],
          ["Source", zone.source],
          ["Number", <span class="mono">{zone.zone_id}</span>],
        ]}
      />
      {zone.for_operational_use ? null : <p class="note waits">Not for operational use: import your own airspace data before real flights.</p>}
    </Frame>
  );
}
