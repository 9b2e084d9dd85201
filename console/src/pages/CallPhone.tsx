// Whether this phone is called when an alert waits, with what an officer agrees to, and how to take it back.

import { useEffect, useState } from "preact/hooks";
import type { Callouts, Phone } from "../api/callouts.ts";
import { begin, end, type Standing, standing } from "../callouts.ts";
import { utcTime } from "../format.ts";
import { Button, Trouble, useDoing } from "../parts/controls.tsx";
import { announce } from "../state.ts";

export function CallPhone() {
  const doing = useDoing();
  const [now, setNow] = useState<Standing | null>(null);
  const look = async (): Promise<void> => setNow(await standing());
  useEffect(() => void doing.run(look), []);
  const act = (work: () => Promise<void>, says: string): void =>
    void doing
      .run(async () => {
        await work();
        await look();
      })
      .then((done) => {
        if (done) announce(says);
      });
  return (
    <section class="card call-phone" aria-label="Calling this phone">
      <h2>When this page is closed</h2>
      {now === null ? <p class="soft">{doing.error === null ? "One moment…" : "It is not known whether this phone is called."}</p> : null}
      {now?.kind === "cannot" ? <p class="soft">{now.why}</p> : null}
      {now?.kind === "off" ? <Consent busy={doing.busy} onAgree={() => act(() => begin(now.said), "This phone is called when an alert waits.")} /> : null}
      {now?.kind === "on" && now.here !== null ? <Called phone={now.here} onEnd={(phone) => act(() => end(phone, true), "This phone is called no more.")} /> : null}
      {now === null || now.kind === "cannot" ? null : <Others said={now.said} here={now.here} onEnd={(phone) => act(() => end(phone, false), "That phone is called no more.")} />}
      <Trouble error={doing.error} />
    </section>
  );
}

function Consent({ busy, onAgree }: { busy: boolean; onAgree: () => void }) {
  return (
    <>
      <p>This phone can be called when an alert waits.</p>
      <ul class="plain-list soft">
        <li>The call goes through the push service of your browser’s maker (Google, Mozilla, Apple or Microsoft). It learns that this phone is called, when, and by whom.</li>
        <li>What is sent is sealed for this phone and says only that an alert waits, and its number: no name, no picture, no place.</li>
        <li>It ends when you sign out, twelve hours after you signed in, or when you stop it here. That you agree, and that it ends, is in the record.</li>
        <li>A call may come late or not at all. The page, when it is open, does not rest on it.</li>
      </ul>
      <div class="actions">
        <Button why={busy ? "One moment." : ""} onPress={onAgree}>
          I agree: call this phone
        </Button>
      </div>
    </>
  );
}

function Called({ phone, onEnd }: { phone: Phone; onEnd: (phone: Phone) => void }) {
  return (
    <>
      <p role="status">
        This phone is called when an alert waits, until <time class="num">{utcTime(phone.until)}Z</time> or until you sign out.
      </p>
      <div class="actions">
        <Button onPress={() => onEnd(phone)}>Stop calling it</Button>
      </div>
    </>
  );
}

function Others({ said, here, onEnd }: { said: Callouts; here: Phone | null; onEnd: (phone: Phone) => void }) {
  const others = said.phones.filter((one) => one.subscription_id !== here?.subscription_id);
  if (others.length === 0) return null;
  return (
    <ul class="rows framed" aria-label="Your other phones">
      {others.map((one) => (
        <li key={one.subscription_id} class="row">
          <span class="row-main">
            Another phone or browser of yours
            <span class="soft below">
              {one.push_service}, since {utcTime(one.made_at)}Z
            </span>
          </span>
          <Button look="quiet" onPress={() => onEnd(one)}>
            Stop calling it
          </Button>
        </li>
      ))}
    </ul>
  );
}
