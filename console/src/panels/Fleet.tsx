// Every drone and its dock: what it does, what it has left, what is wrong with it. The map's equal for who does not see the map.

import { computed, signal } from "@preact/signals";
import { docks, fleet } from "../feed/store.ts";
import type { Drone } from "../feed/wire.ts";
import { capital } from "../format.ts";
import { Charge } from "../parts/charge.tsx";
import { StateWord, ToneMark } from "../parts/marks.tsx";
import { select, selection } from "../state.ts";
import { dockWord, droneWord, isAirborne, isTroubled, type Tone } from "../words.ts";

type Group = "all" | "airborne" | "ready" | "charging" | "trouble";

const IS: Record<Group, (drone: Drone) => boolean> = {
  all: () => true,
  airborne: isAirborne,
  ready: (drone) => drone.status === "ready",
  charging: (drone) => drone.status === "charging",
  trouble: (drone) => isTroubled(drone) || drone.status === "grounded" || troubledDock(drone) !== null,
};
const NAMES: Record<Group, string> = { all: "All", airborne: "In the air", ready: "Ready", charging: "Charging", trouble: "Attention" };
const GROUPS = Object.keys(NAMES) as Group[];

const group = signal<Group>("all");
const wanted = signal("");

const counts = computed(() => Object.fromEntries(GROUPS.map((one) => [one, fleet.value.filter(IS[one]).length])) as Record<Group, number>);

const shown = computed(() => {
  const text = wanted.value.trim().toLowerCase();
  const found = fleet.value.filter((drone) => IS[group.value](drone) && (text === "" || said(drone).includes(text)));
  return [...found].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
});

function said(drone: Drone): string {
  return `${drone.id} ${drone.dock_id} ${docks.value.get(drone.dock_id)?.name ?? ""} ${droneWord(drone).label} ${drone.reason}`.toLowerCase();
}

/** What needs a person first, then what flies, then the rest. */
function rank(drone: Drone): number {
  return isTroubled(drone) ? 0 : isAirborne(drone) ? 1 : drone.status === "grounded" ? 2 : 3;
}

function troubledDock(drone: Drone): { label: string; tone: Tone } | null {
  const dock = docks.value.get(drone.dock_id);
  const word = dock === undefined ? null : dockWord(dock.status);
  return word !== null && (word.tone === "alarm" || word.tone === "warning") ? word : null;
}

export function FleetPanel() {
  return (
    <div class="list-panel">
      <div class="panel-tools wrap">
        <div class="chips" role="group" aria-label="Show">
          {GROUPS.map((one) => (
            <button type="button" key={one} class="chip" aria-pressed={group.value === one} onClick={() => (group.value = one)}>
              {NAMES[one]} <span class="num">{counts.value[one]}</span>
            </button>
          ))}
        </div>
        <input
          type="search"
          aria-label="Find a drone"
          placeholder="Find by drone, dock or reason"
          value={wanted.value}
          onInput={(event) => (wanted.value = event.currentTarget.value)}
        />
      </div>
      {shown.value.length === 0 ? <p class="empty">No drone is like that.</p> : null}
      <ul class="rows fleet" aria-label="Drones">
        {shown.value.map((drone) => (
          <Row key={drone.id} drone={drone} />
        ))}
      </ul>
    </div>
  );
}

function Row({ drone }: { drone: Drone }) {
  const dock = docks.value.get(drone.dock_id);
  const chosen = selection.value?.kind === "drone" && selection.value.id === drone.id;
  const lid = dock === undefined ? null : dockWord(dock.status);
  return (
    <li>
      <button type="button" class="row drone" aria-current={chosen ? "true" : undefined} onClick={() => select({ kind: "drone", id: drone.id })}>
        <span class="row-main">
          <span class="row-title">
            <span class="num">{drone.id}</span> <StateWord {...droneWord(drone)} />
          </span>
          <span class="row-below">
            {dock?.name ?? drone.dock_id}
            {lid === null ? null : (
              <>
                {" · "}
                {lid.tone === "quiet" ? lid.label : <StateWord {...lid} />}
              </>
            )}
          </span>
          {drone.reason === "" ? null : <span class="row-below waits">{capital(drone.reason)}</span>}
        </span>
        <Charge fraction={drone.charge_fraction} />
      </button>
    </li>
  );
}

const SUMMARY: readonly (readonly [Group, Tone])[] = [
  ["airborne", "info"],
  ["ready", "ok"],
  ["charging", "quiet"],
  ["trouble", "warning"],
];

/** The fleet in one line, for the top of the map. */
export function FleetSummary({ onOpen }: { onOpen: () => void }) {
  return (
    <button
      type="button"
      class="summary"
      onClick={() => {
        group.value = "all";
        onOpen();
      }}
      aria-keyshortcuts="f"
      title="Fleet (f)"
    >
      {SUMMARY.map(([one, tone]) => (
        <span key={one}>
          <ToneMark tone={tone} /> <strong class="num">{counts.value[one]}</strong> {NAMES[one].toLowerCase()}
        </span>
      ))}
    </button>
  );
}
