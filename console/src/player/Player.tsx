// The player: a recording, the drone's way beside it, and its moments. All of it goes by keyboard too.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Footage, stillHere } from "../api/footage.ts";
import { compass, degrees, metres, position } from "../format.ts";
import { singleKeys } from "../keys.ts";
import { Button } from "../parts/controls.tsx";
import { snapshot } from "./snapshot.ts";
import { Covering } from "./covering.ts";
import { Covers } from "./Covers.tsx";
import { Deck, SPEEDS } from "./deck.ts";
import { RedactionPanel } from "./RedactionPanel.tsx";
import { Moments, TimeBar, TimeSaid } from "./Timeline.tsx";
import { placeAt } from "./way.ts";
import type { WayMap } from "./wayMap.ts";

const ZOOMS = [1, 2, 4, 8] as const;
export const COPY = "redacted-footage";
const STILL_HERE_MS = 60_000;

export interface PlayerProps {
  readonly footage: Footage;
  /** Look at the redacted copy, or at what was recorded. */
  readonly onOther: (copy: boolean) => void;
}

export function Player({ footage, onOther }: PlayerProps) {
  const deck = useMemo(() => new Deck(footage), [footage]);
  const covering = useMemo(() => new Covering(deck), [deck]);
  const isCopy = footage.what === COPY;
  useEffect(() => (isCopy ? undefined : covering.begin()), [covering, isCopy]);
  const draws = covering.task.value === "cover";
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => (video.current === null ? undefined : deck.hold(video.current)), [deck]);
  useEffect(() => {
    const timer = window.setInterval(() => void stillHere(footage).catch(() => undefined), STILL_HERE_MS);
    return () => window.clearInterval(timer);
  }, [footage]);
  const [zoom, setZoom] = useState(0);
  const [middle, setMiddle] = useState({ x: 50, y: 50 });
  useKeys(deck, (by) => setZoom((was) => Math.min(ZOOMS.length - 1, Math.max(0, was + by))));
  const clip = footage.clips[0];
  const label = `Recording of ${footage.vehicle_id}`;
  if (clip === undefined || deck.film.at_us.length === 0) return <p class="empty">Nothing of this recording can be shown: it holds no picture.</p>;
  return (
    <div class="player">
      <div class="player-main">
        <figure class="picture" aria-label={label}>
          <div
            class="picture-frame"
            style={{ aspectRatio: `${clip.width_px} / ${clip.height_px}` }}
            onClick={(event) => {
              if (draws || ZOOMS[zoom] === 1) return;
              const box = event.currentTarget.getBoundingClientRect();
              setMiddle({ x: ((event.clientX - box.left) / box.width) * 100, y: ((event.clientY - box.top) / box.height) * 100 });
            }}
          >
            <div class="picture-layers" style={{ transform: `scale(${ZOOMS[zoom]})`, transformOrigin: `${middle.x}% ${middle.y}%` }}>
              <video ref={video} muted playsInline disablePictureInPicture aria-label={label} tabIndex={-1} />
              {isCopy ? null : <Covers covering={covering} />}
            </div>
            <Waiting deck={deck} />
          </div>
        </figure>
        <TimeBar deck={deck} spans={(covering.standing.value?.edits ?? []).filter((one) => one.type === "add")} />
        <div class="player-bar">
          <TimeSaid deck={deck} />
          <div class="actions" role="group" aria-label="Playing">
            <PlayButton deck={deck} />
            <Button onPress={() => deck.step(-1)} shortcut="," label="One picture back">
              ‹
            </Button>
            <Button onPress={() => deck.step(1)} shortcut="." label="One picture on">
              ›
            </Button>
            <Speed deck={deck} />
            <Button onPress={() => setZoom((zoom + 1) % ZOOMS.length)} shortcut="+">
              {`Zoom ${ZOOMS[zoom]}×`}
            </Button>
            <Button onPress={() => snapshot(video.current, label)}>Snapshot</Button>
          </div>
        </div>
        {isCopy ? null : <Where deck={deck} />}
        {footage.whole ? null : <p class="note waits">The recording does not verify to its end: it is shown as far as it does.</p>}
      </div>
      <div class="player-side">
        {isCopy ? null : <Way deck={deck} />}
        <section aria-label="Moments">
          <h2 class="card-head">Moments</h2>
          <Moments deck={deck} />
        </section>
        {isCopy ? <IsCopy onOriginal={() => onOther(false)} /> : <RedactionPanel covering={covering} onCopy={() => onOther(true)} />}
      </div>
    </div>
  );
}

function IsCopy({ onOriginal }: { onOriginal: () => void }) {
  return (
    <section class="card redaction" aria-label="Redaction">
      <h2 class="card-head">Redaction</h2>
      <p>This is the redacted copy: what is covered in it cannot be uncovered.</p>
      <div class="actions">
        <Button onPress={onOriginal}>Look at what was recorded</Button>
      </div>
    </section>
  );
}

function Waiting({ deck }: { deck: Deck }) {
  const said = deck.trouble.value || (deck.ready.value ? "" : "Getting the pictures…");
  return said === "" ? null : (
    <p class="picture-wait" role="status">
      {said}
    </p>
  );
}

function PlayButton({ deck }: { deck: Deck }) {
  const plays = deck.playing.value;
  return (
    <Button onPress={() => deck.toggle()} look="main" shortcut="Space">
      {plays ? "Pause" : "Play"}
    </Button>
  );
}

function Speed({ deck }: { deck: Deck }) {
  return (
    <select aria-label="Speed" class="speed" value={String(deck.speed.value)} onChange={(event) => deck.setSpeed(Number(event.currentTarget.value))}>
      {SPEEDS.map((one) => (
        <option key={one} value={String(one)}>
          {`${one}× speed`}
        </option>
      ))}
    </select>
  );
}

/** What the map shows, as text. */
function Where({ deck }: { deck: Deck }) {
  const here = placeAt(deck.footage.path, deck.at_us.value);
  if (here === null) return <p class="soft player-where">Where the drone was then is not known.</p>;
  const look = here.look === null ? "looks too flat to tell at what" : `looks at ${position(here.look[0], here.look[1])}`;
  return (
    <p class="soft num player-where">
      Drone at {position(here.lat, here.lon)}, {metres(here.height_m)} up, heading {degrees(here.heading_deg)} {compass(here.heading_deg)}, {look}
    </p>
  );
}

function Way({ deck }: { deck: Deck }) {
  const host = useRef<HTMLDivElement>(null);
  const trouble = useSignal("");
  useEffect(() => {
    let map: WayMap | null = null;
    let here = true;
    let letGo = (): void => undefined;
    import("./wayMap.ts").then(
      ({ WayMap: Drawn }) => {
        if (!here || host.current === null) return;
        try {
          map = new Drawn(host.current, deck.footage.path);
          letGo = deck.at_us.subscribe((at_us) => map?.show(at_us));
        } catch (error) {
          console.error(error);
          trouble.value = "This browser cannot draw the map: it needs WebGL 2. The text under the picture says the same.";
        }
      },
      () => (trouble.value = "The map could not be loaded. The text under the picture says the same."),
    );
    return () => {
      here = false;
      letGo();
      map?.remove();
    };
  }, [deck]);
  return (
    <section class="way" aria-label="Map of the drone’s way">
      <div ref={host} class="way-map" />
      {trouble.value === "" ? null : <p class="soft">{trouble.value}</p>}
    </section>
  );
}

/** Keys act while no field or button has the focus that means something else by them. */
function useKeys(deck: Deck, zoom: (by: 1 | -1) => void): void {
  useEffect(() => {
    const acts: Record<string, () => void> = {
      ArrowLeft: () => deck.skip(-5),
      ArrowRight: () => deck.skip(5),
      Home: () => deck.goTo(0),
      End: () => deck.goTo(deck.film.lasts_us),
    };
    const single: Record<string, () => void> = {
      " ": () => deck.toggle(),
      ",": () => deck.step(-1),
      ".": () => deck.step(1),
      "+": () => zoom(1),
      "-": () => zoom(-1),
      "<": () => deck.faster(-1),
      ">": () => deck.faster(1),
    };
    const pressed = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
      const act = acts[event.key] ?? (singleKeys.peek() ? single[event.key] : undefined);
      if (act === undefined || means(event.target, event.key)) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [deck]);
}

/** Whether what has the focus has its own use for a key. */
function means(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === "range") return key === "Home" || key === "End";
  if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (target.closest("[role=application], [data-own-keys]") !== null) return true;
  return key === " " && (target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement || target.tagName === "SUMMARY");
}
