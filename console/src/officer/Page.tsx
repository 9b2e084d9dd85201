// The page while a link is open: picture, map, words, alerts. Everything in one column, for one hand and bad light.

import { useEffect, useRef, useState } from "preact/hooks";
import { GradeMark } from "../parts/marks.tsx";
import { words as askWords } from "./api.ts";
import { Eye, type Shown } from "./eye.ts";
import { ageText, freshness } from "./rate.ts";
import { Sketch } from "./Sketch.tsx";
import type { Alert, Opened, State } from "./wire.ts";
import { alertText, alertWeight, BUZZ, endsText, gradeWord, operationMs, subjectText, watcherText, type Weight } from "./words.ts";

const FLASH_MS = 5_000;
const AGE_EVERY_MS = 200;
const SHOWN_ALERTS = 3;

export function Page({ opened, onOver }: { opened: Opened; onOver: () => void }) {
  const { link } = opened;
  const canvas = useRef<HTMLCanvasElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const eye = useRef<Eye | null>(null);
  const [state, setState] = useState<State>(opened.state);
  const [shown, setShown] = useState<Shown>({ mode: "small", linked: false, carriedKbps: null });
  const [only, setOnly] = useState(false);
  const { flash, news } = useAlerts(link.link_id, state);

  useEffect(() => {
    if (canvas.current === null || video.current === null) return undefined;
    const made = new Eye(canvas.current, video.current, link.link_id, { onState: setState, onShown: setShown, onOver });
    eye.current = made;
    const awake = stayAwake();
    return () => {
      made.close();
      awake();
    };
  }, [link.link_id]);

  const wallMs = eye.current?.now() ?? Date.now();
  const nowMs = operationMs(state, eye.current?.sinceState() ?? 0);
  return (
    <main class={flash === null ? "officer" : `officer flash ${flash}`}>
      <header class="top">
        <GradeMark grade={state.scene.grade} size={26} />
        <h1>
          <span class="unseen">{gradeWord(state.scene.grade)}: </span>
          {state.scene.category.slice(0, 1).toUpperCase() + state.scene.category.slice(1)}
        </h1>
      </header>

      <section class={`view ${shown.mode}`} aria-label="Live picture">
        <canvas ref={canvas} width={320} height={180} role="img" aria-label="Small live pictures of the scene" />
        <video ref={video} muted autoplay playsInline disablePictureInPicture aria-label="Full live picture of the scene" />
        <Age eye={eye} mode={shown.mode} />
        {state.picture.shown ? null : <p class="no-picture">No picture now: {state.picture.why || "it has not begun"}.</p>}
      </section>
      <div class="bar">
        <span class="soft" role="status">
          {standing(shown, state)}
        </span>
        <button
          type="button"
          class="button"
          aria-pressed={only}
          onClick={() => {
            setOnly(!only);
            if (eye.current !== null) eye.current.smallOnly = !only;
          }}
        >
          Small only
        </button>
      </div>

      <section class="alerts" aria-label="Alerts" aria-live="polite">
        {news.length === 0 ? <p class="soft">Alerts show here, with a buzz and no sound.</p> : null}
        <ul>
          {news.map((one, n) => (
            <li key={one.seq} class={n === 0 ? `${alertWeight(one.kind)} newest` : alertWeight(one.kind)}>
              <span>{one.text}</span> <time dateTime={one.at}>{clockTime(one.at)}</time>
            </li>
          ))}
        </ul>
      </section>

      <section aria-label="Where">
        <Sketch scene={state.scene} watcher={state.watcher} subject={state.subject} />
        <p class={`fact subject-${state.subject.lock}`}>{subjectText(state.subject, state.scene)}</p>
        <p class="fact">{watcherText(state.watcher, state.scene, nowMs)}</p>
        <p class="fact soft">
          Scene: {state.scene.at.lat.toFixed(5)}, {state.scene.at.lon.toFixed(5)}
        </p>
      </section>

      {link.words ? <Words link={link.link_id} /> : null}
      <footer class="foot soft">
        <p>
          For {link.recipient}. Ends {endsText(state.expires_at, wallMs)}. Each look is on record. Do not pass it on.
        </p>
      </footer>
    </main>
  );
}

function standing(shown: Shown, state: State): string {
  if (!shown.linked) return "No connection: trying again…";
  if (shown.mode === "full") return "Full picture";
  if (!state.picture.shown) return "Connected";
  const rate = shown.carriedKbps === null ? "" : `, the link carries ${rounded(shown.carriedKbps)}`;
  return shown.mode === "trying" ? "Small pictures; trying the full one…" : `Small pictures${rate}`;
}

const rounded = (kbps: number): string => (kbps >= 1_000 ? "1 Mbit/s or more" : `about ${Math.max(10, Math.round(kbps / 10) * 10)} kbit/s`);

/** How old the picture is, always: what is late looks late. */
function Age({ eye, mode }: { eye: { current: Eye | null }; mode: string }) {
  const [age, setAge] = useState<number | null>(null);
  useEffect(() => {
    const timer = window.setInterval(() => setAge(eye.current?.ageMs() ?? null), AGE_EVERY_MS);
    return () => window.clearInterval(timer);
  }, []);
  if (age === null) return <p class="age stale">Waiting for the first picture…</p>;
  const fresh = freshness(age);
  return (
    <>
      {fresh === "stale" ? <div class="veil" aria-hidden="true" /> : null}
      <p class={`age ${fresh}`} data-age-ms={Math.round(age)} data-mode={mode}>
        {fresh === "live" ? "Live" : fresh === "late" ? "Late" : "Not live"} · {ageText(age)}
      </p>
    </>
  );
}

interface News extends Alert {
  readonly text: string;
}

/** Alerts that are new here: shown, felt, and kept as they were said. */
function useAlerts(link: string, state: State): { flash: Weight | null; news: readonly News[] } {
  const told = useRef(Number(sessionStorage.getItem(`told ${link}`) ?? "-1"));
  const [news, setNews] = useState<readonly News[]>([]);
  const [flash, setFlash] = useState<Weight | null>(null);
  const timer = useRef(0);
  useEffect(() => {
    const fresh = state.alerts.filter((one) => one.seq > told.current);
    const last = fresh.at(-1);
    if (last === undefined) return;
    told.current = last.seq;
    sessionStorage.setItem(`told ${link}`, String(last.seq));
    setNews((before) => [...fresh.map((one) => ({ ...one, text: alertText(one.kind, state.subject) })).reverse(), ...before].slice(0, SHOWN_ALERTS));
    const weight: Weight = fresh.some((one) => alertWeight(one.kind) === "grave") ? "grave" : alertWeight(last.kind);
    if ("vibrate" in navigator) navigator.vibrate([...BUZZ[weight]]);
    setFlash(weight);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setFlash(null), FLASH_MS);
  }, [state]);
  return { flash, news };
}

function Words({ link }: { link: string }) {
  const [text, setText] = useState<string | null>(null);
  const [trouble, setTrouble] = useState("");
  return (
    <section class="words" aria-label="What callers said">
      <h2>What callers said</h2>
      {text === null ? (
        <button type="button" class="button" onClick={() => void askWords(link).then(({ text }) => setText(text), (error: Error) => setTrouble(error.message))}>
          Show it (on record)
        </button>
      ) : (
        <p>{text === "" ? "Nothing was written down." : text}</p>
      )}
      {trouble === "" ? null : <p class="trouble">{trouble}</p>}
    </section>
  );
}

const clockTime = (at: string): string => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** The screen stays on while the page is in front. */
function stayAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let here = true;
  const take = (): void => {
    if (document.hidden || !("wakeLock" in navigator)) return;
    navigator.wakeLock.request("screen").then(
      (got) => (here ? (lock = got) : void got.release()),
      () => undefined,
    );
  };
  take();
  document.addEventListener("visibilitychange", take);
  return () => {
    here = false;
    document.removeEventListener("visibilitychange", take);
    void lock?.release();
  };
}
