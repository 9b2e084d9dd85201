// What a person should know of now, until somebody here has seen it.

import { acknowledge, alarms, isPending, pending, pendingWarnings, sound, turnSound } from "../alarms.ts";
import type { FeedEvent } from "../feed/wire.ts";
import { Button } from "../parts/controls.tsx";
import { ToneMark } from "../parts/marks.tsx";
import { At } from "../parts/times.tsx";
import { select, tab } from "../state.ts";
import { SEVERITIES, severityTone, subject } from "./Timeline.tsx";

export function AlarmsPanel() {
  const open = [...pending.value, ...pendingWarnings.value];
  const seen = alarms.value.filter((event) => !isPending(event));
  return (
    <div class="list-panel">
      <div class="panel-tools">
        <Button onPress={() => turnSound(!sound.value)} pressed={sound.value} icon={sound.value ? "sound" : "mute"}>
          {sound.value ? "Sound is on" : "Sound is off"}
        </Button>
        <Button onPress={() => acknowledge(...open)} why={open.length === 0 ? "Nothing is left to acknowledge." : ""}>
          Acknowledge all
        </Button>
      </div>
      <p class="soft pad">Acknowledging is for this console. The record keeps what happened.</p>
      {open.length === 0 ? <p class="empty">No alarm is open.</p> : null}
      <ul class="rows alarms" aria-label="Open alarms and warnings">
        {open.map((event) => (
          <Alarm key={`${event.seq} ${event.at}`} event={event} />
        ))}
      </ul>
      {seen.length === 0 ? null : (
        <details class="group">
          <summary>
            Acknowledged <span class="count">{seen.length}</span>
          </summary>
          <ul class="rows alarms">
            {seen.map((event) => (
              <Alarm key={`${event.seq} ${event.at}`} event={event} />
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Alarm({ event }: { event: FeedEvent }) {
  const about = subject(event);
  return (
    <li class={`alarm severity-${event.severity}`}>
      <ToneMark tone={severityTone(event.severity)} size={14} />
      <span class="row-main">
        <span class="row-title wraps">{event.text}</span>
        <span class="row-below">
          {SEVERITIES[event.severity]} at <At time={event.at} />
        </span>
      </span>
      {about === null ? null : (
        <Button onPress={() => select(about)} look="quiet" label={`Show what this is about: ${event.text}`}>
          Show
        </Button>
      )}
      {isPending(event) ? (
        <Button onPress={() => acknowledge(event)} label={`Seen: ${event.text}`}>
          Seen
        </Button>
      ) : null}
    </li>
  );
}

/** The latest open alarm over everything else, so that nobody has to look for it. */
export function AlarmBar() {
  const [latest, ...others] = pending.value;
  if (latest === undefined) return null;
  const about = subject(latest);
  return (
    <section class="alarm-bar" aria-label="Alarm">
      <ToneMark tone="alarm" size={16} />
      <p>
        <strong>Alarm</strong> <At time={latest.at} /> {latest.text}
      </p>
      {about === null ? null : (
        <Button onPress={() => select(about)} label="Show what the alarm is about">
          Show
        </Button>
      )}
      {others.length === 0 ? null : (
        <Button onPress={() => (tab.value = "alarms")} look="quiet">
          and {others.length} more
        </Button>
      )}
      <Button onPress={() => acknowledge(latest)} look="main" label="Acknowledge the alarm">
        Acknowledge
      </Button>
    </section>
  );
}
