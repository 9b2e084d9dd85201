// What the map's signs mean. Drawn by the same code as the map.

import { useEffect, useRef } from "preact/hooks";
import { drawDock, drawDrone, drawIncident } from "../map/symbols.ts";
import { type Tone } from "../words.ts";

type Draw = (pen: CanvasRenderingContext2D) => void;

const drone = (tone: Tone): Draw => (pen) => {
  pen.translate(18, 16);
  drawDrone(pen, tone);
};

const incident = (grade: string, state = "open"): Draw => (pen) => drawIncident(pen, grade, state, 18, 16, 9, false);

const dock = (tone: Tone): Draw => (pen) => drawDock(pen, 18, 16, 20, 3, 2, tone, false);

const SIGNS: readonly (readonly [string, Draw])[] = [
  ["Immediate, waits", incident("I")],
  ["Significant, waits", incident("S")],
  ["Extended, waits", incident("E")],
  ["Referred, waits", incident("R")],
  ["Hollow: a drone is on its way", incident("I", "assigned")],
  ["With a dot: eyes on", incident("S", "on-scene")],
  ["Drone on its way", drone("info")],
  ["Drone on scene", drone("ok")],
  ["Drone going home", drone("quiet")],
  ["A pilot flies it", drone("pilot")],
  ["Not heard, or unfit", drone("warning")],
  ["On its own failsafe, or lost", drone("alarm")],
  ["Dock: a pip a pad, lit when taken", dock("quiet")],
  ["Dock at work: lid moves or is open", dock("info")],
  ["Dock that does not work", dock("alarm")],
];

export function Legend() {
  return (
    <ul class="legend">
      {SIGNS.map(([means, draw]) => (
        <li key={means}>
          <Sign draw={draw} />
          {means}
        </li>
      ))}
      <li>
        <span class="hatch active" aria-hidden="true" />
        Airspace, active
      </li>
      <li>
        <span class="hatch idle" aria-hidden="true" />
        Airspace, not active
      </li>
      <li>
        <span class="hatch ours" aria-hidden="true" />
        Airspace made for these flights
      </li>
    </ul>
  );
}

function Sign({ draw }: { draw: Draw }) {
  const sheet = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pen = sheet.current?.getContext("2d");
    if (!pen) return;
    pen.setTransform(2, 0, 0, 2, 0, 0);
    draw(pen);
  }, []);
  return <canvas ref={sheet} class="sign" width={72} height={64} aria-hidden="true" />;
}
