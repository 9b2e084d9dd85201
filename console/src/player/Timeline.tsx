// The time of a recording: where one is, and its moments on it. The moments stand beside it as a list that can be read and pressed.

import type { Mark } from "../api/footage.ts";
import { duration, utcTime } from "../format.ts";
import { spokenDuration, capital } from "../format.ts";
import { ToneMark } from "../parts/marks.tsx";
import type { Tone } from "../words.ts";
import type { Deck } from "./deck.ts";
import { US } from "./film.ts";

const TONES: Record<string, Tone> = { arrived: "ok", left: "quiet", gap: "warning", camera: "pilot" };
const toneOf = (kind: string): Tone => TONES[kind] ?? (kind.startsWith("follow") ? "info" : "notice");

export function TimeBar({ deck, spans }: { deck: Deck; spans: readonly { from_us: number; until_us: number }[] }) {
  const { lasts_us } = deck.film;
  const share = (us: number): string => `${(100 * us) / Math.max(1, lasts_us)}%`;
  const at_us = deck.at_us.value;
  return (
    <div class="time-bar">
      <div class="time-ticks" aria-hidden="true">
        {spans.map((one, n) => (
          <span key={`s${n}`} class="time-span" style={{ left: share(one.from_us), width: share(one.until_us - one.from_us) }} />
        ))}
        {deck.footage.marks.map((mark, n) => (
          <span
            key={n}
            class={`time-tick tone-${toneOf(mark.kind)}${mark.until_us === null ? "" : " lasts"}`}
            style={{ left: share(mark.at_us), ...(mark.until_us === null ? {} : { width: share(mark.until_us - mark.at_us) }) }}
            title={mark.said}
          />
        ))}
      </div>
      <input
        type="range"
        aria-label="Time in the recording"
        aria-valuetext={`${spokenDuration(at_us / US)} of ${spokenDuration(lasts_us / US)}`}
        min={0}
        max={Math.max(1, lasts_us)}
        step={40_000}
        value={at_us}
        onInput={(event) => deck.goTo(Number(event.currentTarget.value))}
      />
    </div>
  );
}

/** Where one is, by the recording's time and by the camera's clock. */
export function TimeSaid({ deck }: { deck: Deck }) {
  const at_us = deck.at_us.value;
  const clock = deck.film.clockAt(at_us);
  const thousandths = Math.floor((at_us % US) / 1_000);
  return (
    <span class="num time-said">
      {duration(at_us / US)}.{String(thousandths).padStart(3, "0")} / {duration(deck.film.lasts_us / US)}
      <span class="soft"> · {clock === null ? "the camera told no time" : `${utcTime(clock)} UTC by the camera`}</span>
    </span>
  );
}

export function Moments({ deck }: { deck: Deck }) {
  return (
    <ol class="moments">
      {deck.footage.marks.map((mark: Mark, n) => (
        <li key={n}>
          <button type="button" class="link" onClick={() => deck.goTo(mark.at_us)}>
            <span class="num">{duration(mark.at_us / US)}</span> <ToneMark tone={toneOf(mark.kind)} /> {capital(mark.said)}
          </button>
        </li>
      ))}
    </ol>
  );
}
