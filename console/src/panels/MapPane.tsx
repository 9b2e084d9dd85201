// The map in its place, with what floats over it.

import { useEffect, useRef, useState } from "preact/hooks";
import { docks, dronesById, incidents } from "../feed/store.ts";
import { percent } from "../format.ts";
import { fitMap, holdMap } from "../map/handle.ts";
import type { View } from "../map/view.ts";
import { Icon } from "../parts/marks.tsx";
import { phonePart, picking, type Selection, showLegend, stepBack, tab } from "../state.ts";
import { dockWord, droneWord, gradeName, stateWord } from "../words.ts";
import { FleetSummary } from "./Fleet.tsx";
import { Legend } from "./Legend.tsx";

interface Hovered {
  readonly what: Selection;
  readonly x: number;
  readonly y: number;
}

export function MapPane() {
  const host = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<Hovered | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let view: View | null = null;
    let here = true;
    import("../map/view.ts").then(
      ({ View: Drawn }) => {
        if (!here || host.current === null) return;
        try {
          view = new Drawn(host.current, (what, x, y) => setHovered(what === null ? null : { what, x, y })); // null again and again draws nothing
          holdMap(view);
        } catch (error) {
          console.error(error);
          setTrouble("This browser cannot draw the map: it needs WebGL 2. The queue, the fleet and everything else work without it.");
        }
      },
      () => setTrouble("The map could not be loaded. Load the page again; everything else works without it."),
    );
    return () => {
      here = false;
      holdMap(null);
      view?.remove();
    };
  }, []);
  return (
    <section class="map-pane" aria-label="Map">
      <div ref={host} class="map" />
      {trouble === "" ? null : (
        <p class="map-trouble" role="alert">
          {trouble}
        </p>
      )}
      <div class="map-top">
        <FleetSummary
          onOpen={() => {
            tab.value = "fleet";
            phonePart.value = "fleet";
          }}
        />
        <div class="map-buttons">
          <button type="button" class="button float" aria-pressed={showLegend.value} onClick={() => (showLegend.value = !showLegend.value)}>
            <Icon name="legend" /> Signs
          </button>
          <button type="button" class="button float" onClick={fitMap}>
            <Icon name="fit" /> All docks
          </button>
        </div>
      </div>
      {showLegend.value ? (
        <div class="map-legend">
          <Legend />
        </div>
      ) : null}
      <PickBanner />
      {hovered === null ? null : <Tip hovered={hovered} />}
    </section>
  );
}

const PURPOSES = { call: "Click where the call is", goto: "Click where to fly", orbit: "Click what to fly round" };

function PickBanner() {
  const asked = picking.value;
  if (asked === null || asked.at !== null) return null;
  return (
    <div class="pick-banner" role="status">
      <Icon name="target" /> {PURPOSES[asked.purpose]}
      <button type="button" class="button quiet" onClick={() => stepBack()}>
        Cancel <kbd aria-hidden="true">Esc</kbd>
      </button>
    </div>
  );
}

/** What is under the pointer. The same stands in the panels, so a screen reader is not told. */
function Tip({ hovered: { what, x, y } }: { hovered: Hovered }) {
  const lines = describe(what);
  if (lines === null) return null;
  return (
    <div class="tip" style={{ left: `${x}px`, top: `${y}px` }} aria-hidden="true">
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  );
}

function describe(what: Selection): string[] | null {
  if (what.kind === "incident") {
    const incident = incidents.value.get(what.id);
    return incident === undefined ? null : [`${gradeName(incident.grade)}: ${incident.category}`, incident.waiting_reason || stateWord(incident.state).label];
  }
  if (what.kind === "drone") {
    const drone = dronesById.value.get(what.id);
    return drone === undefined ? null : [drone.id, `${droneWord(drone).label}, ${percent(drone.charge_fraction)}`];
  }
  const dock = docks.value.get(what.id);
  return dock === undefined ? null : [dock.name, `${dockWord(dock.status).label}, ${dock.pads_taken} of ${dock.pads} pads taken`];
}
