// What was recorded, and the player. Nothing of a picture is shown before it is on record that somebody looks at it.

import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { REASONS_TO_LOOK } from "../api/deeds.ts";
import { beginViewing, endViewing, type Footage, type Recording, recordings } from "../api/footage.ts";
import { incidents } from "../feed/store.ts";
import { capital, count, duration, utcDateTime } from "../format.ts";
import { Button, Field, ForThose, Trouble, useDoing } from "../parts/controls.tsx";
import { useFresh } from "../parts/fresh.ts";
import { COPY, Player } from "../player/Player.tsx";
import { address, route } from "../route.ts";
import { Page } from "./Page.tsx";

export function FootagePage() {
  const recording = route.value.query.get("recording") ?? "";
  return recording === "" ? <List incident={route.value.query.get("incident") ?? ""} /> : <One key={recording} recording={recording} />;
}

function List({ incident }: { incident: string }) {
  const { value, error } = useFresh((background) => recordings(incident, background));
  const rows = value === null ? [] : incident === "" ? value : value.toReversed();
  return (
    <Page
      title="Footage"
      lead="What drones recorded over their scenes and is still kept. This list shows nothing of the pictures; who looks at a recording is in the record first."
    >
      <ForThose who="watch">
        <Trouble error={error} />
        {incident === "" ? null : (
          <p>
            Of one incident. <a href={address("footage")}>All recordings</a>
          </p>
        )}
        {value === null ? (
          <p class="soft">Asking…</p>
        ) : rows.length === 0 ? (
          <p class="empty">Nothing is kept{incident === "" ? "" : " of this incident"}.</p>
        ) : (
          <div class="table-frame" tabIndex={0} role="region" aria-label="Recordings">
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">Began</th>
                  <th scope="col">Drone</th>
                  <th scope="col">Incident</th>
                  <th scope="col">Lasted</th>
                  <th scope="col">Kept</th>
                  <th scope="col">Look</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((one) => (
                  <Row key={one.recording_id} one={one} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </ForThose>
    </Page>
  );
}

function Row({ one }: { one: Recording }) {
  const known = incidents.value.get(one.incident_id);
  const kept = one.held ? "held by a legal hold" : one.kept_until === null ? "while it runs" : `until ${utcDateTime(one.kept_until)}`;
  return (
    <tr>
      <th scope="row" class="num nowrap">
        {utcDateTime(one.started_at)}
      </th>
      <td>{one.vehicle_id}</td>
      <td>
        {known === undefined ? one.incident_id : capital(known.category)}
        {one.dropped === 0 ? null : <span class="soft"> · {count(one.dropped, "part")} lost to a slow disk</span>}
      </td>
      <td class="num nowrap">{one.closed_at === null ? "goes on" : duration((one.closed_at - one.started_at) / 1000)}</td>
      <td class="soft">{kept}</td>
      <td>
        <a href={address("footage", { recording: one.recording_id })}>
          Open<span class="unseen"> the recording of {one.vehicle_id}, {utcDateTime(one.started_at)}</span>
        </a>
      </td>
    </tr>
  );
}

function One({ recording }: { recording: string }) {
  const [footage, setFootage] = useState<Footage | null>(null);
  const [why, setWhy] = useState("");
  const doing = useDoing();
  useEffect(() => (footage === null ? undefined : () => void endViewing(footage).catch(() => undefined)), [footage]);
  const begin = (copy: boolean): void => void doing.run(async () => setFootage(await beginViewing(recording, copy, why)));
  const mustSay = doing.error instanceof Problem && doing.error.status === 409 && doing.error.kind === "refused";
  return (
    <main class="page" id="main" tabIndex={-1}>
      <div class="page-inner wide">
        <div class="player-head">
          <h1>{footage === null ? "Recording" : `${footage.what === COPY ? "Redacted copy of the recording" : "Recording"} of ${footage.vehicle_id}`}</h1>
          <a href={address("footage")}>All recordings</a>
        </div>
        <ForThose who="watch">
          {footage !== null ? (
            <>
              <Trouble error={doing.error} />
              <Player key={footage.viewing_id} footage={footage} onOther={begin} />
            </>
          ) : (
            <section class="card" aria-label="Begin">
              <p>That you look at this recording, from when until when, is in the record before its first picture is shown.</p>
              {mustSay || why !== "" ? (
                <Field label="Why do you look?" hint="Its incident is over, and you had no part in it. The reason is in the record.">
                  {(id, hint) => (
                    <select id={id} aria-describedby={hint} value={why} onChange={(event) => setWhy(event.currentTarget.value)}>
                      <option value="">Choose…</option>
                      {REASONS_TO_LOOK.map((reason) => (
                        <option key={reason} value={reason}>
                          {capital(reason.replaceAll("-", " "))}
                        </option>
                      ))}
                    </select>
                  )}
                </Field>
              ) : null}
              {mustSay ? null : <Trouble error={doing.error} />}
              <p>
                <Button onPress={() => begin(false)} look="main" why={doing.busy ? "It is being read through." : ""}>
                  {doing.busy ? "Reading it through…" : "Look at it"}
                </Button>
              </p>
            </section>
          )}
        </ForThose>
      </div>
    </main>
  );
}
