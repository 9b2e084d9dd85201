// Eyes that are kept on an incident: ask for them, let go, and see who relieves whom, and when. With a watch goes one picture that
// stays while the drones change.

import { useState } from "preact/hooks";
import { keepWatch, letGo } from "../api/deeds.ts";
import { isOver } from "../feed/picture.ts";
import { missions } from "../feed/store.ts";
import type { Incident, Watch } from "../feed/wire.ts";
import { capital, duration } from "../format.ts";
import { Button, Choice, Trouble, useDoing } from "../parts/controls.tsx";
import { Age, At, Until } from "../parts/times.tsx";
import { allowed } from "../session.ts";
import { useFound } from "../video/found.ts";
import { Picture } from "../video/Picture.tsx";
import { useSources } from "../video/sources.ts";

const REASONS = ["crime-in-progress", "suspect-nearby", "missing-person", "officer-safety", "public-safety"];
const MINUTES = [30, 60, 120, 240];

const worded = (reason: string): string => capital(reason.replaceAll("-", " "));

export function WatchPanel({ incident }: { incident: Incident }) {
  const watch = incident.watch ?? null;
  return (
    <section class="card" aria-label="Eyes on the scene">
      <h3>Eyes on the scene</h3>
      {watch === null ? <Ask incident={incident} /> : <Kept incident={incident} watch={watch} />}
    </section>
  );
}

function Ask({ incident }: { incident: Incident }) {
  const doing = useDoing();
  const [reason, setReason] = useState(REASONS[0] ?? "");
  const [minutes, setMinutes] = useState(60);
  return (
    <>
      <p class="soft">A drone stays for about five minutes. Keep eyes on, and the next one relieves it before its charge is used up.</p>
      <Choice label="Because of" value={reason} onChange={setReason} options={REASONS.map((one) => [one, worded(one)] as const)} />
      <Choice label="For" value={minutes} onChange={setMinutes} options={MINUTES.map((one) => [one, `${one} minutes`] as const)} />
      <div class="actions">
        <Button onPress={() => void doing.run(() => keepWatch(incident.id, reason, minutes))} deed="keepWatch" why={doing.busy ? "One moment…" : ""}>
          Keep eyes on
        </Button>
      </div>
      <Trouble error={doing.error} />
    </>
  );
}

function Kept({ incident, watch }: { incident: Incident; watch: Watch }) {
  const doing = useDoing();
  return (
    <>
      {watch.dark_since === null ? null : (
        <p class="note waits">
          Nobody has seen the scene for <Age since={watch.dark_since} />.
        </p>
      )}
      <WatchPicture incident={incident} watch={watch} />
      <p class="headline">
        <Ahead watch={watch} />
      </p>
      <p class="soft">
        {worded(watch.reason)}, by {watch.by}, until <At time={watch.until} />. Handed over {watch.handovers} {watch.handovers === 1 ? "time" : "times"}
        {watch.dark_s >= 1 ? `, ${duration(watch.dark_s)} without eyes` : ""}.
      </p>
      <div class="actions">
        <Button onPress={() => void doing.run(() => letGo(incident.id))} deed="keepWatch" why={doing.busy ? "One moment…" : ""}>
          Let go
        </Button>
      </div>
      <Trouble error={doing.error} />
    </>
  );
}

/** One picture for the whole watch: its address stays, so it is not begun anew when another drone has it. */
function WatchPicture({ incident, watch }: { incident: Incident; watch: Watch }) {
  const mission = missions.value.get(watch.mission_id ?? "");
  const vehicle = mission === undefined || isOver(mission) ? "" : mission.vehicle_id; // who is home again has no picture of it
  const seen = useSources()?.some((one) => one.vehicle_id === vehicle) ?? false;
  const found = useFound(seen ? watch.mission_id : null, vehicle);
  if (!seen || !allowed("watch")) return null;
  return <Picture source={`incident/${incident.id}`} label="Live picture of the scene" found={found} />;
}

/** What comes next. */
function Ahead({ watch }: { watch: Watch }) {
  const turns =
    watch.leaves_at === null ? null : (
      <>
        turns home in <Until at={watch.leaves_at} />
      </>
    );
  if (watch.relief_id !== null && watch.relief_at !== null) {
    return (
      <>
        Relief {missions.value.get(watch.relief_id)?.vehicle_id ?? ""} arrives in <Until at={watch.relief_at} />
        {turns === null ? "" : "; it "}
        {turns}
      </>
    );
  }
  if (watch.vehicle_id !== null && watch.launch_at !== null) {
    return (
      <>
        {watch.vehicle_id} is sent to relieve it in <Until at={watch.launch_at} />; it {turns}
      </>
    );
  }
  if (watch.why !== "") {
    return (
      <>
        Nobody can relieve it: {watch.why}
        {watch.launch_at === null ? "" : ". The first could in "}
        {watch.launch_at === null ? null : <Until at={watch.launch_at} />}
        {turns === null ? "" : ". It "}
        {turns}
      </>
    );
  }
  return turns === null ? <>Waits for a drone to see the scene</> : <>It {turns}</>;
}
