// The map, as an officer needs it: the scene in the middle, north up, the drone, whom it follows, and how far things are. Nothing is
// fetched for it. The words under it say the same.

import { bearing, distance, offset } from "./words.ts";
import type { Scene, Subject, Watcher } from "./wire.ts";

const WIDTH = 390;
const HEIGHT = 260;
const MARGIN = 32;
const SCALES_M = [50, 100, 200, 500, 1_000, 2_000, 5_000];
/** A drone further off is told by an arrow at the edge: the scene stays large. */
const FARTHEST_M = 600;

interface Spot {
  readonly east: number;
  readonly north: number;
}

export function Sketch({ scene, watcher, subject }: { scene: Scene; watcher: Watcher | null; subject: Subject }) {
  const who = subject.lock === "nobody" || subject.at === null ? null : offset(scene.at, subject.at);
  const drone = watcher?.at == null ? null : offset(scene.at, watcher.at);
  const near = drone !== null && Math.hypot(drone.east, drone.north) <= FARTHEST_M;
  const metres = widthInMetres([who === null ? null : grown(who, subject.within_m), near ? drone : null]);
  const scale = (HEIGHT / 2 - MARGIN) / metres;
  const at = (spot: Spot): { x: number; y: number } => ({ x: WIDTH / 2 + spot.east * scale, y: HEIGHT / 2 - spot.north * scale });
  return (
    <svg class="sketch" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Map of the scene, north up; the words below say the same">
      <Rings metres={metres} scale={scale} />
      <g class="scene" transform={`translate(${WIDTH / 2} ${HEIGHT / 2})`}>
        <path d="M-9 0H9M0 -9V9" />
        <text x="12" y="16">
          scene
        </text>
      </g>
      {drone === null || watcher === null ? null : near ? <Drone at={at(drone)} heading={watcher.heading_deg} /> : <Afar spot={drone} />}
      {who === null ? null : <Person at={at(who)} within={subject.within_m * scale} subject={subject} />}
      <g class="north" transform={`translate(${WIDTH - 22} 26)`}>
        <path d="M0 -13 6 6 0 2 -6 6Z" />
        <text y="20" text-anchor="middle">
          N
        </text>
      </g>
    </svg>
  );
}

function grown(spot: Spot, by: number): Spot {
  const far = Math.hypot(spot.east, spot.north);
  const factor = far < 1 ? 1 : (far + by) / far;
  return { east: spot.east * factor, north: spot.north * factor };
}

function widthInMetres(spots: readonly (Spot | null)[]): number {
  const farthest = Math.max(40, ...spots.map((spot) => (spot === null ? 0 : Math.hypot(spot.east, spot.north))));
  return SCALES_M.find((one) => one >= farthest) ?? farthest;
}

function Rings({ metres, scale }: { metres: number; scale: number }) {
  return (
    <g class="rings">
      {[0.5, 1].map((share) => (
        <g key={share}>
          <circle cx={WIDTH / 2} cy={HEIGHT / 2} r={metres * share * scale} />
          <text x={WIDTH / 2} y={HEIGHT / 2 + metres * share * scale + 13} text-anchor="middle">
            {distance(metres * share)}
          </text>
        </g>
      ))}
    </g>
  );
}

function Drone({ at, heading }: { at: { x: number; y: number }; heading: number }) {
  return (
    <g class="drone" transform={`translate(${at.x} ${at.y})`}>
      <path transform={`rotate(${heading})`} d="M0 -11 8 9 0 4 -8 9Z" />
      <text x="11" y="-8">
        drone
      </text>
    </g>
  );
}

function Afar({ spot }: { spot: Spot }) {
  const deg = bearing(spot.east, spot.north);
  const [x, y] = [WIDTH / 2 + Math.sin((deg * Math.PI) / 180) * (HEIGHT / 2 - 20), HEIGHT / 2 - Math.cos((deg * Math.PI) / 180) * (HEIGHT / 2 - 20)];
  return (
    <g class="drone" transform={`translate(${x} ${y})`}>
      <path transform={`rotate(${deg})`} d="M0 -8 6 6 0 2 -6 6Z" />
      <text y="4" x={x > WIDTH / 2 ? -12 : 12} text-anchor={x > WIDTH / 2 ? "end" : "start"}>
        {`drone ${distance(Math.hypot(spot.east, spot.north))}`}
      </text>
    </g>
  );
}

function Person({ at, within, subject }: { at: { x: number; y: number }; within: number; subject: Subject }) {
  const goes = subject.direction_deg !== null && subject.speed_mps >= 0.4 && subject.lock === "seen";
  return (
    <g class={`subject ${subject.lock === "unseen" ? "guess" : subject.lock}`} transform={`translate(${at.x} ${at.y})`}>
      <circle class="within" r={Math.max(10, within)} />
      {goes ? <path class="goes" transform={`rotate(${subject.direction_deg ?? 0})`} d="M0 -10V-30M-5 -24 0 -31 5 -24" /> : null}
      <circle class="spot" r="6.5" />
      <text y={Math.max(10, within) + 15} text-anchor="middle">
        {subject.lock === "seen" ? "subject" : subject.lock === "unseen" ? "subject, a guess" : "last seen here"}
      </text>
    </g>
  );
}
