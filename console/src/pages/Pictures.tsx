// Live pictures of several drones at once, for a wall or a supervisor. Each one that is opened is on record.

import { useEffect, useRef } from "preact/hooks";
import { singleKeys } from "../keys.ts";
import { Button, ForThose } from "../parts/controls.tsx";
import { choose, route } from "../route.ts";
import { dialog } from "../state.ts";
import { missionOfVehicle } from "../feed/store.ts";
import type { VideoSource } from "../api/deeds.ts";
import { SELDOM_MS, useFound } from "../video/found.ts";
import { Picture } from "../video/Picture.tsx";
import { useSources } from "../video/sources.ts";
import { added, columns, led, onWall } from "../video/wall.ts";

/** More side by side have no room for all buttons. */
const MANY = 4;
/** In the address, where every picture was hidden. */
const NONE = "-";

export function PicturesPage() {
  const sources = useSources();
  const shown = (sources ?? []).filter((one) => one.shown);
  const dark = (sources ?? []).length - shown.length;
  return (
    <main class="page wide" id="main" tabIndex={-1}>
      <div class="page-inner">
        <div class="wall-title">
          <h1>Pictures</h1>
          <p class="soft">Drones that are up and may show what they see. Every viewing is in the record: who, which drone, from when until when.</p>
        </div>
        <ForThose who="watch">
          {sources === null ? (
            <p class="soft">Asking…</p>
          ) : shown.length === 0 ? (
            <p class="empty">No drone shows a picture now: {dark === 0 ? "none has a camera here" : `${dark} on the ground or dark`}.</p>
          ) : (
            <Wall shown={shown} />
          )}
        </ForThose>
      </div>
    </main>
  );
}

function Wall({ shown }: { shown: readonly VideoSource[] }) {
  const wall = useRef<HTMLDivElement>(null);
  const chosen = route.value.query.get("on");
  const ids = onWall(shown.map((one) => one.source_id), chosen === null ? null : chosen.split(","));
  const asked = route.value.query.get("large") ?? "";
  const large = ids.includes(asked) && ids.length > 1 ? asked : "";
  const others = shown.filter((one) => !ids.includes(one.source_id));
  const across = large === "" ? columns(ids.length) : 1;

  const go = (key: string, event: KeyboardEvent): void => {
    const frames = [...(wall.current?.querySelectorAll<HTMLElement>(".picture-frame") ?? [])];
    const to = led(key, frames.indexOf(document.activeElement as HTMLElement), frames.length, across);
    if (to === null) return;
    event.preventDefault();
    frames[to]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && large !== "") {
      event.preventDefault();
      choose({ large: "" });
    } else if (event.target instanceof HTMLElement && event.target.classList.contains("picture-frame")) {
      go(event.key, event);
    }
  };
  // Digits lead to a picture from anywhere on the page, for those who have not turned single keys off.
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || !singleKeys.peek() || dialog.peek() !== null || event.ctrlKey || event.metaKey || event.altKey) return;
      if (/^[1-9]$/.test(event.key)) go(event.key, event);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
  const rows = Math.ceil(ids.length / across);
  return (
    <>
      <div ref={wall} class={large !== "" ? `wall enlarged${ids.length > MANY ? " lots" : ""}` : ids.length > MANY ? "wall many" : "wall"} style={{ "--columns": String(across), "--rows": String(large === "" ? rows : ids.length - 1) }} onKeyDown={onKeyDown}>
        {ids.map((id, number) => {
          const source = shown.find((one) => one.source_id === id);
          return source === undefined ? null : (
            <Tile
              key={id}
              source={source}
              number={number + 1}
              look={large === "" ? "" : large === id ? "large" : "small"}
              onEnlarge={ids.length < 2 ? undefined : () => choose({ large: large === id ? "" : id })}
              onHide={() => choose({ on: ids.filter((other) => other !== id).join(",") || NONE, large: large === id ? "" : large })}
            />
          );
        })}
      </div>
      {ids.length === 0 ? <p class="empty">No picture is chosen.</p> : null}
      {others.length === 0 ? null : (
        <div class="chips" role="group" aria-label="Not on this screen">
          <span class="soft">Not on this screen:</span>
          {others.map((one) => (
            <button key={one.source_id} type="button" class="chip" onClick={() => choose({ on: added(ids, one.source_id).join(",") })}>
              {`Show ${one.vehicle_id || one.source_id}`}
            </button>
          ))}
        </div>
      )}
      <p class="soft">
        Keys: 1 to 9 choose a picture, arrows go to the next, Enter enlarges it and Esc makes it small again; + and − look closer, arrows then move about, 0 shows
        the whole; S keeps a snapshot, O hides what lies over it.
      </p>
    </>
  );
}

interface TileProps {
  readonly source: VideoSource;
  readonly number: number;
  readonly look: "" | "large" | "small";
  readonly onEnlarge: (() => void) | undefined;
  readonly onHide: () => void;
}

function Tile({ source, number, look, onEnlarge, onHide }: TileProps) {
  const name = source.vehicle_id || source.source_id;
  const mission = missionOfVehicle.value.get(source.vehicle_id);
  const found = useFound(mission?.id ?? null, source.vehicle_id, look === "large" ? undefined : SELDOM_MS);
  return (
    <section class={`tile ${look}`} aria-label={name}>
      <h2 class="card-head">
        <span class="soft num">{number}</span> {name} <span class="soft tile-why">{source.why}</span>
        <span class="keeps">
          <Button onPress={onHide} look="quiet" label={`Hide ${name}`}>
            Hide
          </Button>
        </span>
      </h2>
      <Picture
        source={source.source_id}
        label={`Live picture of ${name}`}
        found={found}
        large={look === "large"}
        {...(onEnlarge === undefined ? {} : { onEnlarge })}
      />
    </section>
  );
}
