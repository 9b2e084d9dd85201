// A live picture, how old it is, and what can be done with it: look closer, keep it as a file, see where it is.

import { useRef, useState } from "preact/hooks";
import type { VideoSource } from "../api/deeds.ts";
import { dronesById, me, missionOfVehicle } from "../feed/store.ts";
import { utcDateTime } from "../format.ts";
import { Button, type Doing, Trouble, useDoing } from "../parts/controls.tsx";
import { announce } from "../state.ts";
import { type Seen, useAge } from "./age.ts";
import type { Found } from "./found.ts";
import { useGestures } from "./gestures.ts";
import { type Age, ageReason, ageText, level } from "./latency.ts";
import { Overlay, Where, whereLines } from "./Overlay.tsx";
import { type Play, usePlayer } from "./player.ts";
import { keepSnapshot } from "./snapshot.ts";
import { sources } from "./sources.ts";
import { serverTime } from "./watching.ts";
import { transform } from "./zoom.ts";

export interface PictureProps {
  /** A source's id, or `incident/ID` for whatever shows that incident. */
  readonly source: string;
  readonly label: string;
  /** What was found in it; null where nobody looks or nothing was found yet. */
  readonly found?: Found | null;
  /** Told where in the picture somebody pressed, in shares of its width and height. */
  readonly onPick?: ((x: number, y: number) => void) | undefined;
  /** Where it is one of several: make it large, or small again. */
  readonly onEnlarge?: () => void;
  readonly large?: boolean;
}

export function Picture({ source, label, found = null, onPick, onEnlarge, large = false }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [overlay, setOverlay] = useState(true);
  const known = sources.value?.find((one) => one.source_id === source);
  const play = usePlayer(video, source, known?.elsewhere ?? sources.value?.some((one) => one.elsewhere) ?? false);
  const seen = useAge(video, play);
  const doing = useDoing();
  const hands = useGestures(frame, (event) => {
    const place = onPick === undefined ? null : placeIn(video.current, event);
    if (place !== null) onPick?.(place.x, place.y);
  });
  const vehicle = seen.viewing?.vehicle_id ?? known?.vehicle_id ?? "";
  const drone = dronesById.value.get(vehicle);
  const keep = (): void => void keepPicture(doing, video.current, seen, { vehicle, lines: whereLines(drone, found) });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== frame.current) return;
    const { key } = event;
    if (hands.key(key)) event.preventDefault();
    else if (key === "s" || key === "o" || (key === "Enter" && onEnlarge !== undefined)) {
      event.preventDefault();
      if (key === "s") keep();
      else if (key === "o") setOverlay(!overlay);
      else onEnlarge?.();
    }
  };
  const shows = play.way === "WebRTC" || play.way === "MP4";
  const visible = shows && seen.age.kind !== "none"; // before there is a picture nothing lies over it
  const trouble = troubleOf(play, seen.age, sources.value?.find((one) => one.vehicle_id === vehicle || one.source_id === source));
  return (
    <figure class={`picture${large ? " large" : ""}`} aria-label={label}>
      <div ref={frame} class={`picture-frame ${frameLook(seen.age)}${hands.zoom.scale > 1 ? " closer" : ""}`} tabIndex={0} role="group" aria-label={`${label}. Plus, minus and arrows look closer, S keeps a snapshot.`} onKeyDown={onKeyDown}>
        <div class={onPick === undefined ? "picture-layers" : "picture-layers picks"} style={{ transform: transform(hands.zoom) }}>
          <video ref={video} muted autoplay playsInline disablePictureInPicture aria-label={label} />
          {found === null || !visible ? null : <Overlay found={found} scale={hands.zoom.scale} names={overlay} />}
        </div>
        {overlay && visible ? <Where drone={drone} found={found} /> : null}
        {trouble === "" ? null : (
          <p class={seen.age.kind === "stalled" ? "picture-stalled" : "picture-wait"} role="status">
            {trouble}
          </p>
        )}
      </div>
      <figcaption class="picture-bar">
        <span class="soft num">
          <span class="by">{shows ? `Live, ${play.way}` : ""}</span> <AgeMark age={seen.age} />
        </span>
        <span class="actions">
          <span class="nearness">
            <Button onPress={hands.further} look="quiet" label="Look from further away" why={hands.zoom.scale === 1 ? "The whole picture is shown." : ""}>
              −
            </Button>
            <Button onPress={hands.whole} look="quiet" label={`Zoom ${factor(hands.zoom.scale)}, show the whole picture`}>
              {factor(hands.zoom.scale)}
            </Button>
            <Button onPress={hands.nearer} look="quiet" label="Look closer">
              +
            </Button>
          </span>
          <span class="hides">
            <Button onPress={() => setOverlay(!overlay)} look="quiet" pressed={overlay} label="Where it is and where it looks, over the picture">
              Where
            </Button>
          </span>
          <span class="keeps">
            <Button onPress={keep} look="quiet" why={seen.viewing === null ? "There is no picture." : doing.busy ? "One moment…" : ""}>
              Snapshot
            </Button>
          </span>
          {onEnlarge === undefined ? null : (
            <Button onPress={onEnlarge} look="quiet" pressed={large} label={`Enlarge ${label}`}>
              Enlarge
            </Button>
          )}
        </span>
      </figcaption>
      <Trouble error={doing.error} />
    </figure>
  );
}

const factor = (scale: number): string => `${scale.toFixed(scale < 1.05 || scale >= 7.95 ? 0 : 1)}×`;

/** How old the picture is, in words and colour; a screen reader is told when that becomes another matter. */
function AgeMark({ age }: { age: Age }) {
  const how = level(age);
  const text = ageText(age);
  if (text === "") return null;
  return (
    <>
      <span class={`age ${how}`} title={ageReason(age)}>
        {text}
      </span>
      <span class="unseen" role="status">
        {age.kind === "stalled" ? "The picture is stalled." : how === "old" || how === "late" ? "The picture is late." : ""}
      </span>
    </>
  );
}

function frameLook(age: Age): string {
  return age.kind === "stalled" || level(age) === "old" ? "old" : level(age) === "late" ? "late" : "";
}

/** What stands in the way of a picture, for people; "" when nothing does. */
function troubleOf(play: Play, age: Age, source: VideoSource | undefined): string {
  const stream = source?.stream;
  const wrong = stream !== undefined && stream.state !== "live" && stream.trouble !== "" ? stream.trouble : "";
  if (play.way === "none") return `No picture: ${wrong || play.why || "it is tried again"}.`;
  if (play.way === "connecting") return wrong === "" ? "Connecting to the picture…" : `No picture: ${wrong}.`;
  if (age.kind === "stalled") return `Stalled: no new picture for ${Math.floor(age.for_ms / 1000)} s${wrong === "" ? "" : `; ${wrong}`}.`;
  if (age.kind === "none") return wrong === "" ? "Waiting for the first picture…" : `No picture: ${wrong}.`;
  return "";
}

/** Keep what is seen now. What is evidence is the recording, not this. */
async function keepPicture(doing: Doing, video: HTMLVideoElement | null, { age, viewing }: Seen, about: { vehicle: string; lines: string[] }): Promise<void> {
  if (video === null || viewing === null) return;
  const now = serverTime(performance.now());
  const captured = age.kind === "known" && now !== null ? now - age.ms : null;
  const [title, incident] = [about.vehicle || viewing.source_id, missionOfVehicle.peek().get(about.vehicle)?.incident_id];
  const taken = captured === null ? `shown ${stamp(now ?? Date.now())}; when it was taken is not known` : `taken ${stamp(captured)}`;
  const lines = [`${title}, ${taken}`, ...about.lines, `${incident === undefined ? "" : `Incident ${incident}. `}Kept by ${me.peek()?.name ?? "?"}. The recording is the evidence, not this.`];
  let id = "";
  const done = await doing.run(async () => {
    id = await keepSnapshot(video, { viewing_id: viewing.viewing_id, captured_at: captured, lines });
  });
  if (done) announce(`Snapshot ${id} kept.`);
}

/** `2026-11-23 15:04:05.123Z`: the picture's own time, to the millisecond. */
function stamp(at: number): string {
  return `${utcDateTime(at).slice(0, -1)}.${String(Math.floor(at % 1000)).padStart(3, "0")}Z`;
}

/** Where in the picture itself a press was, whatever stands beside it in the frame; null beside it. */
function placeIn(video: HTMLVideoElement | null, event: { clientX: number; clientY: number }): { x: number; y: number } | null {
  if (video === null || video.videoWidth === 0) return null;
  const box = video.getBoundingClientRect();
  const scale = Math.min(box.width / video.videoWidth, box.height / video.videoHeight);
  const x = (event.clientX - box.left - (box.width - video.videoWidth * scale) / 2) / (video.videoWidth * scale);
  const y = (event.clientY - box.top - (box.height - video.videoHeight * scale) / 2) / (video.videoHeight * scale);
  return x < 0 || x > 1 || y < 0 || y > 1 ? null : { x, y };
}
