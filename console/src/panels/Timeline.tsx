// What happened, latest first.

import { useSignal } from "@preact/signals";
import { docks, dronesById, events, incidents } from "../feed/store.ts";
import type { FeedEvent } from "../feed/wire.ts";
import { ToneMark } from "../parts/marks.tsx";
import { At } from "../parts/times.tsx";
import { select, type Selection } from "../state.ts";
import type { Tone } from "../words.ts";

const SHOWN = 150;
const TONES: Record<string, Tone> = { info: "quiet", notice: "info", warning: "warning", alarm: "alarm" };
export const SEVERITIES: Record<string, string> = { info: "Information", notice: "Notice", warning: "Warning", alarm: "Alarm" };

export const severityTone = (severity: string): Tone => TONES[severity] ?? "notice";

/** The thing an event is about, if it is still in the picture. */
export function subject(event: FeedEvent): Selection | null {
  if (event.incident_id !== undefined && incidents.value.has(event.incident_id)) return { kind: "incident", id: event.incident_id };
  if (event.vehicle_id === undefined) return null;
  if (dronesById.value.has(event.vehicle_id)) return { kind: "drone", id: event.vehicle_id };
  return docks.value.has(event.vehicle_id) ? { kind: "dock", id: event.vehicle_id } : null;
}

export function TimelinePanel() {
  const grave = useSignal(false);
  const all = events.value.filter((event) => !grave.value || event.severity === "warning" || event.severity === "alarm");
  return (
    <div class="list-panel">
      <div class="panel-tools">
        <label class="check">
          <input type="checkbox" checked={grave.value} onChange={(event) => (grave.value = event.currentTarget.checked)} />
          Only warnings and alarms
        </label>
      </div>
      {all.length === 0 ? <p class="empty">Nothing has happened yet.</p> : <EventList events={all.slice(-SHOWN).reverse()} />}
    </div>
  );
}

/** `plain`: without links to what the events are about. */
export function EventList({ events: some, plain = false }: { events: readonly FeedEvent[]; plain?: boolean }) {
  return (
    <ol class="events">
      {some.map((event) => (
        <li key={`${event.seq} ${event.at}`} class={`event severity-${event.severity}`}>
          <At time={event.at} />
          <ToneMark tone={severityTone(event.severity)} />
          <EventText event={event} plain={plain} />
        </li>
      ))}
    </ol>
  );
}

function EventText({ event, plain }: { event: FeedEvent; plain: boolean }) {
  const about = plain ? null : subject(event);
  const said = (
    <>
      {event.severity === "warning" || event.severity === "alarm" ? <span class="unseen">{SEVERITIES[event.severity]}: </span> : null}
      {event.text}
    </>
  );
  if (about === null) return <span class="event-text">{said}</span>;
  return (
    <button type="button" class="link event-text" onClick={() => select(about)}>
      {said}
    </button>
  );
}
