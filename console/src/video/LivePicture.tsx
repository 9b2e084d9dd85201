// The picture of one drone, where it has a camera and may show it: what is found in it, and whom its pilot follows.

import { useState } from "preact/hooks";
import type { Mission } from "../feed/wire.ts";
import { Button, Trouble, useOrders } from "../parts/controls.tsx";
import { allowed } from "../session.ts";
import { Following } from "./Following.tsx";
import { follow, useFound } from "./found.ts";
import { Picture } from "./Picture.tsx";
import { useSources } from "./sources.ts";

export function LivePicture({ mission, mine }: { mission: Mission; mine: boolean }) {
  const [open, setOpen] = useState(true);
  const source = useSources()?.find((one) => one.vehicle_id === mission.vehicle_id);
  const shown = allowed("watch") && source !== undefined && source.shown;
  const found = useFound(shown && open ? mission.id : null, mission.vehicle_id);
  const orders = useOrders();
  if (!allowed("watch") || source === undefined) return null;
  if (!source.shown) return <p class="soft">No picture: {source.why}.</p>;
  const pick = mine && found !== null ? (x: number, y: number) => void orders.give("subject", () => follow(mission.id, x, y, found.sequence)) : undefined;
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
      {found === null ? null : <Following found={found} pick={pick} mine={mine} give={(kind, act) => void orders.give(kind, act)} />}
      <Trouble error={orders.error} />
    </>
  );
}
