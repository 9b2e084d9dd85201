// The picture of one drone, where it has a camera and may show it: what is found in it, and whom its pilot follows.

import { useState } from "preact/hooks";
import type { Mission } from "../feed/wire.ts";
import { utcTime } from "../format.ts";
import { Button, Trouble, useDoing } from "../parts/controls.tsx";
import { allowed } from "../session.ts";
import { chooseSubject, follow, type Found, letGo, useFound } from "./found.ts";
import { Overlay } from "./Overlay.tsx";
import { Picture } from "./Picture.tsx";
import { useSources } from "./sources.ts";

export function LivePicture({ mission, mine }: { mission: Mission; mine: boolean }) {
  const [open, setOpen] = useState(true);
  const source = useSources()?.find((one) => one.vehicle_id === mission.vehicle_id);
  const shown = allowed("watch") && source !== undefined && source.shown;
  const found = useFound(shown && open ? mission.id : null);
  const doing = useDoing();
  if (!allowed("watch") || source === undefined) return null;
  if (!source.shown) return <p class="soft">No picture: {source.why}.</p>;
  const pick = mine && found !== null ? (x: number, y: number) => void doing.run(() => follow(mission.id, x, y, found.sequence)) : undefined;
  return (
    <>
      {open ? (
        <Picture source={source.source_id} label={`Live picture of ${mission.vehicle_id}`} onPick={pick}>
          {found === null ? null : <Overlay found={found} />}
        </Picture>
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
      {found === null ? null : <Following found={found} mine={mine} run={(act) => void doing.run(act)} />}
      <Trouble error={doing.error} />
    </>
  );
}

/** Whom the drone follows, in words; buttons for the pilot, so that no choice needs a mouse. */
function Following({ found, mine, run }: { found: Found; mine: boolean; run: (act: () => Promise<unknown>) => void }) {
  if (found.follow_id === "" || found.follow === null) {
    if (!mine || found.tracks.length === 0) return null;
    return <p class="soft">{found.tracks.length} shapes found. Press on one in the picture to follow it.</p>;
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
