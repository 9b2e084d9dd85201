// What lies over a live picture: shapes that were found and who is followed, the middle, names of streets; and, beside what is zoomed,
// where the drone is and where it looks.

import type { Drone } from "../feed/wire.ts";
import { compass, degrees, metres, position } from "../format.ts";
import { type Box, caption, type Found, lookOf } from "./found.ts";

function Frame({ box, kind, text }: { box: Box; kind: string; text: string }) {
  return (
    <g class={`shape ${kind}`}>
      <rect x={box.left} y={box.top} width={box.width} height={box.height} />
      {text === "" ? null : (
        <text x={box.left} y={Math.max(10, box.top - 4)}>
          {text}
        </text>
      )}
    </g>
  );
}

/** In the picture, and zoomed with it. `width` and `height` are the picture's, where nothing was found yet. */
export function Overlay({ found, scale, names }: { found: Found; scale: number; names: boolean }) {
  if (found.width_px === 0) return null;
  const followed = found.follow;
  const [width, height] = [found.width_px, found.height_px];
  const size = width / 48 / scale;
  return (
    <svg class="picture-overlay" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="xMidYMid meet" aria-hidden="true">
      {names && found.looks_at !== null ? (
        <path class="middle" d={`M ${width / 2 - size} ${height / 2} h ${2 * size} M ${width / 2} ${height / 2 - size} v ${2 * size}`} />
      ) : null}
      {names
        ? found.names.map((one) => (
            <text key={one.name} class="street" x={one.x * width} y={one.y * height} font-size={size * 1.1} stroke-width={size / 4}>
              {one.name}
            </text>
          ))
        : null}
      {found.tracks.map((track) => (
        <Frame key={track.track_id} box={track.box} kind={track.quality} text={track.quality === "good" ? caption(track) : ""} />
      ))}
      {followed?.candidates.map((one) => <Frame key={`c${one.track_id}`} box={one.box} kind="asked" text={`is it ${one.track_id}?`} />)}
      {followed?.box == null ? null : <Frame box={followed.box} kind={`followed ${followed.phase}`} text={followed.phase} />}
    </svg>
  );
}

/** Where the drone is and where it looks, in lines. */
export function whereLines(drone: Drone | undefined, found: Found | null): string[] {
  const lines: string[] = [];
  if (drone?.lat != null && drone.lon != null) {
    lines.push(`${position(drone.lat, drone.lon)} · ${metres(drone.height_m_above_dock)} above its dock · heading ${degrees(drone.heading_deg)} ${compass(drone.heading_deg)}`);
  }
  const look = lookOf(found);
  if (look !== null) {
    const near = found?.near[0];
    lines.push(`Looks at ${position(look.lat, look.lon)} ± ${Math.max(1, Math.round(look.semi_major_m))} m${near === undefined ? "" : ` · ${near.name}`}`);
  }
  return lines;
}

/** The same over the picture, with a needle that points where the nose does, north up. */
export function Where({ drone, found }: { drone: Drone | undefined; found: Found | null }) {
  const lines = whereLines(drone, found);
  if (lines.length === 0) return null;
  return (
    <div class="picture-where num">
      {drone === undefined ? null : (
        <svg class="needle" viewBox="-10 -10 20 20" aria-hidden="true">
          <path d="M 0 -8 L 5 7 L 0 4 L -5 7 Z" transform={`rotate(${drone.heading_deg})`} />
        </svg>
      )}
      <div>
        {lines.map((line) => (
          <p key={line.slice(0, 5)}>{line}</p>
        ))}
      </div>
    </div>
  );
}
