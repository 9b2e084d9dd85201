// Beside the picture: have heads and plates found, cover and uncover with a reason, have the copy made.

import { useState } from "preact/hooks";
import { beginRedaction, cover, type Edit, lift, makeCopy, recordAddress, type Redaction, type Region } from "../api/redaction.ts";
import { count, duration, utcDateTime } from "../format.ts";
import { Button, Field, ReasonField, Trouble, useDoing } from "../parts/controls.tsx";
import { allowed } from "../session.ts";
import { announce } from "../state.ts";
import type { Covering } from "./covering.ts";
import { US } from "./film.ts";

const KINDS: Record<string, string> = { person: "Head", vehicle: "Vehicle", plate: "Perhaps a plate", added: "Covered by hand" };
const WHY_BEGIN = ["To be given to a court", "Asked for by its subject", "To be shown to the public"];
const WHY_COVER = ["A face", "A number plate", "A name or a house number", "Inside a home"];
const WHY_LIFT = ["It is nobody", "It is the suspect", "It is what must be seen"];
const WHY_COPY = ["Looked through from beginning to end"];

export function RedactionPanel({ covering, onCopy }: { covering: Covering; onCopy: () => void }) {
  const said = covering.standing.value;
  if (said === undefined) return null;
  return (
    <section class="card redaction" aria-label="Redaction">
      <h2 class="card-head">Redaction</h2>
      {said === null || said.state === "failed" ? <Begin covering={covering} failed={said?.failed ?? ""} /> : <Standing covering={covering} said={said} onCopy={onCopy} />}
    </section>
  );
}

function Begin({ covering, failed }: { covering: Covering; failed: string }) {
  return (
    <>
      {failed === "" ? null : <p class="note waits">It failed: {failed}.</p>}
      <p class="soft">Heads of people and plates of vehicles can be found by their outlines, to be covered in a copy. Nobody is recognised by it. It misses some: look it through.</p>
      <Reasoned
        open="Find heads and plates…"
        verb="Find them"
        usual={WHY_BEGIN}
        act={async (reason) => covering.take(await beginRedaction(covering.deck.footage.recording_id, reason))}
      />
    </>
  );
}

function Standing({ covering, said, onCopy }: { covering: Covering; said: Redaction; onCopy: () => void }) {
  if (said.state === "finding" || said.state === "making") {
    const doing = said.state === "finding" ? "Looking through it" : "Making the copy";
    return (
      <p>
        <progress max={1} value={said.progress} aria-label={doing} /> {doing}…
      </p>
    );
  }
  const task = covering.task.value;
  return (
    <>
      {said.failed === "" ? null : <p class="note waits">It failed: {said.failed}.</p>}
      <label class="check">
        <input type="checkbox" checked={covering.preview.value} onChange={(event) => (covering.preview.value = event.currentTarget.checked)} />
        Show the picture covered
      </label>
      {task === "none" ? <Now covering={covering} /> : <Change covering={covering} key={`${task} ${covering.lifted.value}`} />}
      {said.edits.length === 0 ? null : <Edits covering={covering} edits={said.edits} />}
      <CopyPart covering={covering} said={said} onCopy={onCopy} />
    </>
  );
}

/** What is covered in this picture, as a list: each can be lifted without a mouse. */
function Now({ covering }: { covering: Covering }) {
  const seen = new Map<string, Region>();
  for (const one of covering.now()) seen.set(one.region_id, seen.get(one.region_id) ?? one);
  return (
    <>
      <p class="soft">{seen.size === 0 ? "Nothing is covered in this picture." : `${count(seen.size, "part")} of this picture ${seen.size === 1 ? "is" : "are"} covered.`}</p>
      <ul class="cover-list">
        {[...seen.values()].map((one) => (
          <li key={one.region_id}>
            <span>
              {KINDS[one.kind] ?? one.kind} <span class="soft num">{one.region_id.startsWith("c") ? one.region_id.replace(/^c\d+-/, "") : ""}</span>
            </span>
            {allowed("redact") ? (
              <Button onPress={() => covering.startLifting(one.region_id)} look="quiet">
                Lift…
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
      <div class="actions">
        <Button onPress={() => covering.startCovering()} deed="redact">
          Cover a part…
        </Button>
      </div>
    </>
  );
}

function Change({ covering }: { covering: Covering }) {
  const doing = useDoing();
  const [reason, setReason] = useState("");
  const covers = covering.task.value === "cover";
  const span = covering.span.value;
  const done = (): void => {
    covering.task.value = "none";
    covering.lifted.value = "";
  };
  const recording = covering.deck.footage.recording_id;
  const save = async (): Promise<void> => {
    const ok = await doing.run(async () =>
      covering.take(covers ? await cover(recording, covering.box.peek(), span, reason) : await lift(recording, covering.lifted.peek(), span, reason)),
    );
    if (!ok) return;
    announce(covers ? "The part is covered" : "The cover is lifted");
    done();
  };
  return (
    <form
      class="form"
      aria-label={covers ? "Cover a part" : "Lift a cover"}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <p>{covers ? "Draw it in the picture, move it with the arrow keys (Shift: size), or type it." : "What this one cover hides will be seen. What other covers hide stays hidden."}</p>
      {covers ? <BoxFields covering={covering} /> : null}
      <div class="form inline">
        <MomentField label="From" covering={covering} name="from_us" />
        <MomentField label="Until" covering={covering} name="until_us" />
      </div>
      <ReasonField value={reason} onChange={setReason} usual={covers ? WHY_COVER : WHY_LIFT} />
      <Trouble error={doing.error} />
      <div class="actions">
        <button type="submit" class={`button ${covers ? "main" : "grave"}`} disabled={doing.busy || reason.trim() === "" || span.until_us < span.from_us}>
          {covers ? "Cover it" : "Lift it"}
        </button>
        <Button onPress={done}>Cancel</Button>
      </div>
    </form>
  );
}

function BoxFields({ covering }: { covering: Covering }) {
  const box = covering.box.value;
  const said = covering.standing.value;
  if (!said) return null;
  const fields = [
    ["Left", box.left, (value: number) => ({ ...box, left: value, right: value + (box.right - box.left) }), said.width_px],
    ["Top", box.top, (value: number) => ({ ...box, top: value, bottom: value + (box.bottom - box.top) }), said.height_px],
    ["Width", box.right - box.left, (value: number) => ({ ...box, right: box.left + value }), said.width_px],
    ["Height", box.bottom - box.top, (value: number) => ({ ...box, bottom: box.top + value }), said.height_px],
  ] as const;
  return (
    <div class="form box-fields">
      {fields.map(([label, value, changed, most]) => (
        <Field key={label} label={label}>
          {(id) => <input id={id} type="number" min={0} max={most} value={value} onChange={(event) => covering.setBox(changed(Number(event.currentTarget.value)))} />}
        </Field>
      ))}
    </div>
  );
}

function MomentField({ label, covering, name }: { label: string; covering: Covering; name: "from_us" | "until_us" }) {
  const span = covering.span.value;
  const set = (us: number): void => void (covering.span.value = { ...span, [name]: us });
  return (
    <div class="moment-field">
      <Field label={`${label}, seconds`}>
        {(id) => (
          <input
            id={id}
            type="number"
            min={0}
            step={0.01}
            max={covering.deck.film.lasts_us / US}
            value={(span[name] / US).toFixed(2)}
            onChange={(event) => set(Math.max(0, Number(event.currentTarget.value) * US))}
          />
        )}
      </Field>
      <Button onPress={() => set(covering.deck.at_us.peek())} look="quiet">
        Now<span class="unseen"> as {label.toLowerCase()}</span>
      </Button>
    </div>
  );
}

function Edits({ covering, edits }: { covering: Covering; edits: readonly Edit[] }) {
  return (
    <details>
      <summary>{count(edits.length, "change")} by people</summary>
      <ol class="moments">
        {edits.map((one) => (
          <li key={one.edit_id}>
            <button type="button" class="link" onClick={() => covering.deck.goTo(one.from_us)}>
              <span class="num">
                {duration(one.from_us / US)}–{duration(one.until_us / US)}
              </span>{" "}
              {one.type === "add" ? "covered" : "lifted"}: {one.reason}
            </button>
          </li>
        ))}
      </ol>
    </details>
  );
}

function CopyPart({ covering, said, onCopy }: { covering: Covering; said: Redaction; onCopy: () => void }) {
  const recording = covering.deck.footage.recording_id;
  const { copy } = said;
  return (
    <>
      {copy === null ? null : (
        <div class="note">
          <p>
            Copy of {utcDateTime(copy.made_at)}
            {said.stale ? <strong>. Changes came after it.</strong> : "."}
            {copy.damaged === 0 ? null : ` ${count(copy.damaged, "picture")} could not be decoded and ${copy.damaged === 1 ? "is" : "are"} not in it.`}
          </p>
          <p class="soft mono digest">SHA-256 {copy.sha256}</p>
          <div class="actions">
            <Button onPress={onCopy}>Look at the copy</Button>
            <a class="button quiet" href={recordAddress(recording)} download={`${recording}-redaction.jsonl`}>
              Record of it
            </a>
          </div>
        </div>
      )}
      {allowed("redact") ? (
        <Reasoned
          open={copy === null ? "Make the copy…" : "Make the copy again…"}
          verb="Make it"
          usual={WHY_COPY}
          act={async (reason) => covering.take(await makeCopy(recording, reason))}
        />
      ) : null}
    </>
  );
}

/** A button that opens a reason, and does it with one. */
function Reasoned({ open, verb, usual, act }: { open: string; verb: string; usual: readonly string[]; act: (reason: string) => Promise<unknown> }) {
  const doing = useDoing();
  const [asks, setAsks] = useState(false);
  const [reason, setReason] = useState("");
  if (!asks) {
    return (
      <div class="actions">
        <Button onPress={() => setAsks(true)} deed="redact">
          {open}
        </Button>
      </div>
    );
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void doing.run(() => act(reason)).then((ok) => ok && (setAsks(false), setReason("")));
      }}
    >
      <ReasonField value={reason} onChange={setReason} usual={usual} />
      <Trouble error={doing.error} />
      <div class="actions">
        <button type="submit" class="button main" disabled={doing.busy || reason.trim() === ""}>
          {verb}
        </button>
        <Button onPress={() => setAsks(false)}>Cancel</Button>
      </div>
    </form>
  );
}
