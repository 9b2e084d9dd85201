// The top bar and the status bar.

import { useComputed } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { pending, pendingWarnings, sound, turnSound } from "../alarms.ts";
import { ledger, link, now, retryNow, run, silentSeconds, wind } from "../feed/store.ts";
import { besideUtc, compass, duration, utcTime } from "../format.ts";
import { Button } from "../parts/controls.tsx";
import { Icon, ToneMark } from "../parts/marks.tsx";
import { Mark } from "../pages/SignIn.tsx";
import { PagesNav } from "./PagesNav.tsx";
import { route } from "../route.ts";
import { session, signOut, soonOut, used } from "../session.ts";
import { dialog, phonePart, tab } from "../state.ts";
import { roleName, type Tone } from "../words.ts";

export function TopBar() {
  return (
    <header class="top-bar">
      <a class="brand" href="#/" aria-label="Bowstreet, to the operation">
        <Mark /> <span>Bowstreet</span>
      </a>
      <Badge />
      <PagesNav />
      <Clock />
      <div class="top-buttons">
        <AlarmButton />
        <Button onPress={() => (dialog.value = { kind: "help" })} look="quiet" shortcut="?" label="Help">
          {""}
        </Button>
        <Account />
      </div>
    </header>
  );
}

/** Says that this is not a real operation, so that nobody takes it for one. */
function Badge() {
  const what = run.value;
  if (what === null || (what.demo === "" && what.speed === 1)) return what?.operator ? <span class="operator">{what.operator}</span> : null;
  const name = what.demo === "" ? "Replay" : `Demo: ${what.demo.slice(0, 1).toUpperCase()}${what.demo.slice(1)}`;
  return (
    <span class="demo" title={what.demand_note}>
      {name}
      {what.speed === 1 ? "" : ` × ${what.speed}`}
    </span>
  );
}

function Clock() {
  const utc = useComputed(() => utcTime(now.value * 1000));
  const rest = useComputed(() => besideUtc(now.value * 1000));
  if (run.value === null) return <div class="clock" />;
  return (
    <div class="clock">
      <p class="clock-utc">
        {utc} <abbr title="Coordinated Universal Time">UTC</abbr>
      </p>
      <p class="soft clock-local">{rest}</p>
    </div>
  );
}

function AlarmButton() {
  const grave = pending.value.length;
  const all = grave + pendingWarnings.value.length;
  const open = (): void => {
    location.hash = "/";
    tab.value = "alarms";
    phonePart.value = "alarms";
  };
  return (
    <>
      <button type="button" class={`button quiet bell${grave > 0 ? " ringing" : ""}`} aria-keyshortcuts="a" title="Alarms (a)" onClick={open}>
        <Icon name="bell" />
        <span class="unseen">Alarms: </span>
        <span class="num">{all}</span>
        <span class="unseen"> not acknowledged</span>
      </button>
      <Button onPress={() => turnSound(!sound.value)} look="quiet" pressed={sound.value} icon={sound.value ? "sound" : "mute"} label={sound.value ? "Turn the sound off" : "Turn the sound on"}>
        {""}
      </Button>
    </>
  );
}

function Account() {
  const who = session.value;
  if (who === null) return null;
  return (
    <div class="account">
      <a class="account-link" href="#/account" aria-current={route.value.page === "account" ? "page" : undefined}>
        <Icon name="person" />
        <span class="unseen">Your account</span>
        <span class="account-name">
          {who.name} <span class="soft">{roleName(who.role)}</span>
        </span>
      </a>
      <Button onPress={() => void signOut().catch(() => undefined)} look="quiet">
        Sign out
      </Button>
    </div>
  );
}

// --- what is wrong with what is shown ---------------------------------------------------------------------------------------

/** Redrawn twice a second while it is shown: it counts. */
function useTicking(): void {
  const [, set] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => set((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, []);
}

export function Banners() {
  const { kind } = link.value;
  return (
    <>
      {kind === "stale" || kind === "waiting" || kind === "ended" || (kind === "connecting" && run.value !== null) ? <StaleBanner /> : null}
      <IdleBanner />
    </>
  );
}

function StaleBanner() {
  useTicking();
  const state = link.value;
  const old = run.value === null ? "" : ` What you see is ${duration(silentSeconds())} old.`;
  const next = state.kind === "waiting" ? Math.max(0, Math.ceil((state.retryAt - performance.now()) / 1000)) : 0;
  const what = {
    stale: "No data from the program.",
    connecting: "Connecting again…",
    waiting: state.kind === "waiting" ? `Not connected: ${state.why}. Next try in ${next} s.` : "",
    ended: state.kind === "ended" ? `Not connected: ${state.why}.` : "",
    live: "",
  }[state.kind];
  return (
    <section class="banner stale" aria-label="Connection">
      <ToneMark tone="alarm" size={16} />
      <p>
        <strong>{what}</strong>
        {old}
      </p>
      {state.kind === "waiting" ? <Button onPress={retryNow}>Try now</Button> : null}
    </section>
  );
}

/** A console that nobody touches is signed out by the server; who is still there should not be taken by surprise. */
function IdleBanner() {
  useTicking();
  if (!soonOut()) return null;
  return (
    <section class="banner idle" aria-label="Session" role="alert">
      <ToneMark tone="warning" size={16} />
      <p>
        <strong>Nobody seems to be here.</strong> You will be signed out in a few minutes.
      </p>
      <Button onPress={used} look="main">
        I am here
      </Button>
    </section>
  );
}

// --- the status bar -----------------------------------------------------------------------------------------------------------

const LINKS: Record<string, readonly [string, Tone]> = {
  live: ["Live", "ok"],
  stale: ["No data", "alarm"],
  connecting: ["Connecting", "notice"],
  waiting: ["Not connected", "alarm"],
  ended: ["Not connected", "alarm"],
};

export function StatusBar() {
  const [label, tone] = LINKS[link.value.kind] ?? ["", "notice"];
  return (
    <footer class="status-bar" aria-label="Status">
      <span class={`state tone-${tone}`} role="status">
        <ToneMark tone={tone} /> {label}
      </span>
      <WindText />
      <LedgerText />
      <span class="status-note">{run.value?.demand_note}</span>
      <span class="status-version">{run.value === null ? "" : `Bowstreet ${run.value.version}`}</span>
    </footer>
  );
}

function WindText() {
  const blows = wind.value;
  if (blows === null) return <span class="soft">Wind unknown</span>;
  return (
    <span title="Wind at transit height">
      <svg class="wind" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
        <path d="M7 1v11M3.5 8.5 7 12.5l3.5-4" transform={`rotate(${Math.round(blows.from_deg)} 7 7)`} />
      </svg>{" "}
      Wind <span class="num">{blows.speed_mps.toFixed(1)}</span> m/s from {compass(blows.from_deg)}
      {blows.gust_mps > blows.speed_mps ? (
        <>
          , gusts <span class="num">{blows.gust_mps.toFixed(1)}</span>
        </>
      ) : null}
    </span>
  );
}

function LedgerText() {
  const kept = ledger.value;
  if (kept === null) return null;
  return (
    <span title={`Ledger root: ${kept.root}`}>
      Ledger <span class="num">{kept.size.toLocaleString("en-GB")}</span> entries, root <span class="mono">{kept.root.slice(0, 12)}</span>
    </span>
  );
}
