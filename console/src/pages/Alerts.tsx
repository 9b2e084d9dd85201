// The adjudicating officer's page, for a phone: alerts as they come, both pictures side by side, and a person's decision.

import { useComputed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { alerts, heard, watchAlerts } from "../alerts-feed.ts";
import { type Alert, decideOn, move, type Move, opine, type Pictures, pictures, settle } from "../api/recognition.ts";
import { now } from "../feed/store.ts";
import { count, duration, utcTime } from "../format.ts";
import { Button, ForThose, Trouble, useDoing } from "../parts/controls.tsx";
import { Picks } from "../parts/form.tsx";
import { Icon, StateWord } from "../parts/marks.tsx";
import { Age } from "../parts/times.tsx";
import { alertWord, isOpen, nextOf, qualityWord, said } from "../recognition.ts";
import { choose, route } from "../route.ts";
import { allowed, sessionEnded } from "../session.ts";
import { announce } from "../state.ts";
import { CallPhone } from "./CallPhone.tsx";

export function AlertsPage() {
  return (
    <main class="page alerts-page" id="main" tabIndex={-1}>
      <div class="page-inner narrow">
        <h1>Recognition alerts</h1>
        <ForThose who="seeAlerts">
          <Body />
        </ForThose>
      </div>
    </main>
  );
}

function Body() {
  useEffect(() => watchAlerts(sessionEnded), []);
  const chosen = alerts.value.find((one) => one.alert_id === route.value.query.get("id"));
  if (chosen !== undefined) return <OneAlert key={chosen.alert_id} one={chosen} />;
  return <AlertList />;
}

function Link() {
  if (heard.value === "live") return null;
  if (heard.value === "connecting") return <p class="soft">Connecting…</p>;
  const says = heard.value === "refused" ? "This account may not see alerts." : "The connection is lost. New alerts do not come until it is back.";
  return (
    <p class="note waits" role="alert">
      {says}
    </p>
  );
}

function AlertList() {
  const open = alerts.value.filter(isOpen);
  const over = alerts.value.filter((one) => !isOpen(one));
  return (
    <>
      <Link />
      <p class="soft" role="status">
        {open.length === 0 ? "No alert waits." : `${count(open.length, "alert")} open.`}
      </p>
      {open.length === 0 ? null : (
        <ul class="rows framed" aria-label="Open alerts">
          {open.map((one) => (
            <AlertRow key={one.alert_id} one={one} />
          ))}
        </ul>
      )}
      {allowed("adjudicate") ? (
        <>
          <p class="hint">While this page is open, it vibrates when an alert comes.</p>
          <CallPhone />
        </>
      ) : null}
      {over.length === 0 ? null : (
        <details>
          <summary>{count(over.length, "earlier alert")}</summary>
          <ul class="rows framed">
            {over.map((one) => (
              <AlertRow key={one.alert_id} one={one} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function AlertRow({ one }: { one: Alert }) {
  return (
    <li>
      <a
        class="row alert-row"
        href={`#/alerts?id=${one.alert_id}`}
        onClick={(event) => {
          event.preventDefault();
          choose({ id: one.alert_id });
        }}
      >
        <span class="row-main">
          <strong>{said(one.category)}</strong>
          <span class="soft below">{one.camera}</span>
          <StateWord {...alertWord(one)} />
          {one.risk === "none-known" ? null : <span class="tone-warning below">{said(one.risk)}</span>}
        </span>
        <span class="row-side">
          <time class="num">{utcTime(one.seen_at)}Z</time>
          <span class="soft below">
          <Age since={one.seen_at} /> ago
        </span>
        </span>
      </a>
    </li>
  );
}

function Until({ at, says }: { at: number; says: string }) {
  const text = useComputed(() => duration(Math.max(0, at / 1000 - now.value)));
  return (
    <p class="soft">
      <span class="num">{text}</span> {says}
    </p>
  );
}

// --- one alert ------------------------------------------------------------------------------------------------------------

function OneAlert({ one }: { one: Alert }) {
  const head = useRef<HTMLHeadingElement>(null);
  const doing = useDoing();
  const [seen, setSeen] = useState<Pictures | null>(null);
  useEffect(() => head.current?.focus(), []);
  const look = (): void => void doing.run(async () => setSeen(await pictures(one.alert_id)));
  // Who has them before their eyes has looked: the feed need not say so first.
  const looked = seen === null ? one : { ...one, viewed_by_me: true };
  const next = nextOf(looked, now.value * 1000);
  return (
    <article class="alert">
      <header class="card-title">
        <h2 ref={head} tabIndex={-1}>
          {said(one.category)}
        </h2>
        <button type="button" class="button quiet only-icon" aria-label="Back to the alerts" onClick={() => choose({ id: "" })}>
          <Icon name="close" />
        </button>
      </header>
      <Link />
      <p class="standing">
        <StateWord {...alertWord(one)} />
        {one.claimed_by !== "" && !one.claimed_by_me ? <span class="soft">{one.claimed_by}</span> : null}
      </p>
      {one.risk === "none-known" ? null : <p class="note waits risk">{said(one.risk)}</p>}
      {one.minor_or_vulnerable ? <p class="note waits risk">Under 18, or vulnerable</p> : null}
      <SideBySide one={one} seen={seen} busy={doing.busy} onLook={look} />
      <Trouble error={doing.error} />
      <Ended one={one} />
      <Deciding one={looked} next={next} />
    </article>
  );
}

/** Says that the time for it is over, to whoever had it before them. */
function Ended({ one }: { one: Alert }) {
  const [had, setHad] = useState(false);
  useEffect(() => {
    if (one.claimed_by_me) setHad(true);
  }, [one.claimed_by_me]);
  if (one.state === "lapsed") return <p class="note">Nobody decided in time, or its deployment was closed. There is nothing more to do here.</p>;
  const back = had && !one.claimed_by_me && one.state === "raised";
  return back ? <p class="note waits" role="status">You have it no more: it is back with all. Take it again to decide.</p> : null;
}

function SideBySide({ one, seen, busy, onLook }: { one: Alert; seen: Pictures | null; busy: boolean; onLook: () => void }) {
  if (seen === null) {
    return (
      <section class="card unseen-pictures" aria-label="Pictures">
        <p>Both pictures are shown when you ask for them. That you look is in the record.</p>
        <Button look="main" why={busy ? "One moment." : ""} onPress={onLook}>
          Show both pictures
        </Button>
      </section>
    );
  }
  return (
    <section aria-label="Pictures">
      <p class="statement" role="note">
        <strong>{seen.statement}</strong>
      </p>
      <div class="side-by-side">
        <figure>
          <img src={`data:image/jpeg;base64,${seen.probe}`} alt="The face that the camera saw" />
          <figcaption>
            Seen, <time class="num">{utcTime(one.seen_at)}Z</time>
          </figcaption>
        </figure>
        <figure>
          {seen.listed[0] === undefined ? <p class="soft pad">The list is destroyed.</p> : <img src={`data:image/jpeg;base64,${seen.listed[0]}`} alt={`${seen.name}, as on the list`} />}
          <figcaption>On the list</figcaption>
        </figure>
      </div>
      {seen.listed.length < 2 ? null : (
        <div class="more-faces">
          {seen.listed.slice(1).map((image, number) => (
            <img key={number} src={`data:image/jpeg;base64,${image}`} alt={`${seen.name}, another image on the list`} />
          ))}
        </div>
      )}
      <dl class="facts">
        <div>
          <dt>Person</dt>
          <dd>
            {seen.name} <span class="soft mono">{seen.reference}</span>
          </dd>
        </div>
        <div>
          <dt>Camera</dt>
          <dd>{one.camera}</dd>
        </div>
        <div>
          <dt>Similarity</dt>
          <dd>
            <span class="num">{one.score.toFixed(2)}</span> <span class="soft">threshold {one.threshold.toFixed(2)}; no probability</span>
          </dd>
        </div>
        <div>
          <dt>Picture</dt>
          <dd>
            {qualityWord(one.quality * 100)}, {count(one.looks, "look agrees", "looks agree")}
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Deciding({ one, next }: { one: Alert; next: ReturnType<typeof nextOf> }) {
  const doing = useDoing();
  const run = (work: () => Promise<unknown>, says: string): void =>
    void doing.run(work).then((done) => {
      if (done) announce(says);
    });
  const moved = (which: Move, says: string): void => run(() => move(one.alert_id, which), says);
  if (!allowed("adjudicate")) return null;
  return (
    <section class="deciding" aria-label="What you do">
      {next === "claim" ? (
        <>
          <Button look="main" onPress={() => moved("claim", "You have it.")}>
            I take it
          </Button>
          {one.lapses_at === null ? null : <Until at={one.lapses_at} says="until it lapses" />}
        </>
      ) : null}
      {next === "look" ? <p class="note">You have it. Look at both pictures before you decide.</p> : null}
      {one.state === "claimed" && one.claimed_by_me && one.claim_ends_at !== null ? <Until at={one.claim_ends_at} says="until it goes back to all" /> : null}
      {next === "wait" && one.opinion_until !== null ? <Until at={one.opinion_until} says="for a second opinion; then you decide alone" /> : null}
      {one.claimed_by_me && one.opinion !== "" && one.opinion !== "asked" ? (
        <p class="note">
          Second opinion: <strong>{said(one.opinion)}</strong>
        </p>
      ) : null}
      {next === "decide" ? <Decision one={one} onRun={run} /> : null}
      {next === "opinion" ? <Opinion one={one} onRun={run} /> : null}
      {next === "outcome" ? <OutcomeForm one={one} onRun={run} /> : null}
      {one.state === "claimed" && one.claimed_by_me ? (
        <div class="actions">
          {one.opinion === "" ? <Button onPress={() => moved("ask-opinion", "A second opinion is asked for.")}>Ask for a second opinion</Button> : null}
          <Button look="quiet" onPress={() => moved("release", "It is back with all.")}>
            Give it back
          </Button>
        </div>
      ) : null}
      <Trouble error={doing.error} />
    </section>
  );
}

type Run = (work: () => Promise<unknown>, says: string) => void;

const JUDGEMENTS = ["same-person", "not-the-same-person", "cannot-tell"];
const WHY_NOT = ["gone-before-anyone-came", "not-proportionate-here", "no-longer-wanted"];

function Decision({ one, onRun }: { one: Alert; onRun: Run }) {
  const [judgement, setJudgement] = useState("");
  const [whyNot, setWhyNot] = useState("");
  const same = judgement === "same-person";
  // Who does not see the same person has said why already.
  const because = judgement === "not-the-same-person" || judgement === "cannot-tell" ? judgement : whyNot;
  return (
    <>
      <Picks tall worded={said} legend="What do you see?" codes={JUDGEMENTS} value={judgement} onChange={setJudgement} />
      {judgement === "" ? null : (
        <>
          {judgement === "not-the-same-person" ? null : (
            <Button look={same ? "main" : "plain"} onPress={() => onRun(() => decideOn(one.alert_id, true, judgement, null), "You engage.")}>
              I go and speak to them
            </Button>
          )}
          {same ? <Picks tall worded={said} legend="Or nobody goes, because" codes={WHY_NOT} value={whyNot} onChange={setWhyNot} /> : null}
          <Button why={because === "" ? "Say why." : ""} onPress={() => onRun(() => decideOn(one.alert_id, false, judgement, because), "Nobody goes.")}>
            Nobody goes
          </Button>
        </>
      )}
    </>
  );
}

function Opinion({ one, onRun }: { one: Alert; onRun: Run }) {
  const [judgement, setJudgement] = useState("");
  return (
    <>
      <p class="note">A colleague asks for your opinion. Look at both pictures first.</p>
      <Picks tall worded={said} legend="What do you see?" codes={JUDGEMENTS} value={judgement} onChange={setJudgement} />
      <Button look="main" why={judgement === "" ? "Say what you see." : one.viewed_by_me ? "" : "Look at both pictures first."} onPress={() => onRun(() => opine(one.alert_id, judgement), "Your opinion is given.")}>
        Give my opinion
      </Button>
    </>
  );
}

const IDENTITIES = ["confirmed-true", "confirmed-false", "not-established"];
const DISPOSALS = ["arrest", "other-disposal", "no-action"];

function OutcomeForm({ one, onRun }: { one: Alert; onRun: Run }) {
  const [identity, setIdentity] = useState("");
  const [disposal, setDisposal] = useState("");
  const offered = identity === "not-established" ? ["no-action"] : DISPOSALS;
  const no = identity === "" || !offered.includes(disposal) ? "Answer both." : "";
  return (
    <>
      <Picks tall worded={said} legend="Who was it?" codes={IDENTITIES} value={identity} onChange={setIdentity} />
      <Picks tall worded={said} legend="What came of it?" codes={offered} value={disposal} onChange={setDisposal} />
      <Button look="main" why={no} onPress={() => onRun(() => settle(one.alert_id, identity, disposal), "It is settled.")}>
        Settle it
      </Button>
    </>
  );
}
