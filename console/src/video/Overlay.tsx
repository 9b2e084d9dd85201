// Shapes over a live picture: what was found, how well it is held, and who is followed.

import { type Box, caption, type Found } from "./found.ts";

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

export function Overlay({ found }: { found: Found }) {
  if (found.width_px === 0) return null;
  const followed = found.follow;
  return (
    <svg class="picture-overlay" viewBox={`0 0 ${found.width_px} ${found.height_px}`} preserveAspectRatio="xMidYMid meet" aria-hidden="true">
      {found.tracks.map((track) => (
        <Frame key={track.track_id} box={track.box} kind={track.quality} text={track.quality === "good" ? caption(track) : ""} />
      ))}
      {followed?.candidates.map((one) => <Frame key={`c${one.track_id}`} box={one.box} kind="asked" text={`is it ${one.track_id}?`} />)}
      {followed?.box == null ? null : <Frame box={followed.box} kind={`followed ${followed.phase}`} text={followed.phase} />}
    </svg>
  );
}
