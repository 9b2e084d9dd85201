// The picture of one drone, where it has a camera and may show it.

import { useState } from "preact/hooks";
import { Button } from "../parts/controls.tsx";
import { allowed } from "../session.ts";
import { Picture } from "./Picture.tsx";
import { useSources } from "./sources.ts";

export function LivePicture({ vehicle }: { vehicle: string }) {
  const [open, setOpen] = useState(true);
  const source = useSources()?.find((one) => one.vehicle_id === vehicle);
  if (!allowed("watch") || source === undefined) return null;
  if (!source.shown) return <p class="soft">No picture: {source.why}.</p>;
  return (
    <>
      {open ? <Picture source={source.source_id} label={`Live picture of ${vehicle}`} /> : null}
      <div class="picture-bar">
        <span class="soft">
          {source.recording ? "Recorded. " : "Not recorded. "}
          {source.why.slice(0, 1).toUpperCase() + source.why.slice(1)}.
        </span>
        <Button onPress={() => setOpen(!open)} look="quiet">
          {open ? "Hide picture" : "Show picture"}
        </Button>
      </div>
    </>
  );
}
