// The picture of one drone, where it has a camera and may show it: what is found in it, and whom its pilot follows.

import { useState } from "preact/hooks";
import type { Mission } from "../feed/wire.ts";
import { utcTime } from "../format.ts";
import { Button, Trouble, useDoing } from "../parts/controls.tsx";
import { allowed } from "../session.ts";
import { chooseSubject, follow, type Found, letGo, type Track, useFound } from "./found.ts";
import { Picture } from "./Picture.tsx";
import { useSources } from "./sources.ts";

export function LivePicture({ mission, mine }: { mission: Mission; mine: boolean }) {
  const [open, setOpen] = useState(true);
  const source = useSources()?.find((one) => one.vehicle_id === mission.vehicle_id);
  const shown = allowed("watch") && source !== undefined && source.shown;
  const found = useFound(shown && open ? mission.id : null, mission.vehicle_id);
  const doing = useDoing();
  if (!allowed("watch") || source === undefined) return null;
  if (!source.shown) return <p class="soft">No picture: {source.why}.</p>;
  const pick = mine && found !== null ? (x: number, y: number) => void doing.run(() => follow(mission.id, x, y, found.sequence)) : undefined;
  return (
    <>
      {open ? (
        <Picture source={source.source_id} label={`Live picture of ${mission.vehicle_id}`} found={found} onPick={pick} />
      ) : null}
      <div class="picture-bar">
        <span class="soft">
          {source.recording ? "Recorded. " : "Not recorded. "}
          {source.why.slice(0, 1).toUpperCase() + source.why.slice(1)}.
        </span>
        <Button onPress={() => setOpen(!open)} look="quiet">
          {open ? "Hide picture" : "Show picture"}
        </Button>
      </div>
      {found === null ? null : <Following found={found} pick={pick} mine={mine} run={(act) => void doing.run(act)} />}
      <Trouble error={doing.error} />
    </>
  );
}

/** So many shapes are offered as buttons; more would be no choice. */
const MOST_OFFERED = 8;

interface FollowingProps {
  readonly found: Found;
  readonly mine: boolean;
  readonly pick: ((x: number, y: number) => void) | undefined;
  readonly run: (act: () => Promise<unknown>) => void;
}

/** Whom the drone follows, in words; buttons for the pilot, so that no choice needs a mouse. */
function Following({ found, mine, pick, run }: FollowingProps) {
  if (found.follow_id === "" || found.follow === null) {
    if (!mine || pick === undefined || found.tracks.length === 0) return null;
    return (
      <div role="group" aria-label="Follow">
        <p class="soft">{found.tracks.length === 1 ? "One shape" : `${found.tracks.length} shapes`} found. Press on one in the picture to follow it, or choose:</p>
        <div class="chips">
          {offered(found.tracks).map((one) => (
            <button key={one.track_id} type="button" class="chip" onClick={() => pick((one.box.left + one.box.width / 2) / found.width_px, (one.box.top + one.box.height / 2) / found.height_px)}>
              {`Follow ${one.shape} ${one.track_id}`}
            </button>
          ))}
        </div>
      </div>
    );
  }
  const until = typeof found.ends_at === "number" ? found.ends_at : Date.parse(found.ends_at);
  return (
    <div class={found.asks ? "note waits" : "note"} role="status">
      <p>
        Follow: {found.follow.phase}, {found.follow.reason}. Until {utcTime(until)} UTC.
        {found.asks ? " The time is nearly up: ask an authorising officer, or it ends." : ""}
      </p>
      {mine ? (
        <div class="actions">
          {found.follow.candidates.map((one) => (
            <Button key={one.track_id} onPress={() => run(() => chooseSubject(found.follow_id, one.track_id))}>
              {`It is ${one.track_id}`}
            </Button>
          ))}
          <Button onPress={() => run(() => letGo(found.follow_id))}>Let go</Button>
        </div>
      ) : null}
    </div>
  );
}

/** Those that are held well first; each keeps its place in the row while it is there. */
function offered(tracks: readonly Track[]): Track[] {
  return [...tracks]
    .sort((a, b) => Number(b.quality === "good") - Number(a.quality === "good") || a.track_id - b.track_id)
    .slice(0, MOST_OFFERED)
    .sort((a, b) => a.track_id - b.track_id);
}
