// What went wrong in the air, who must be told of it by when, and what was found.

import { useEffect, useRef, useState } from "preact/hooks";
import { occurrences, type Shown, tellOf } from "../api/occurrences.ts";
import { KINDS, named, occurrenceWord, ordered } from "../occurrences.ts";
import { fleet, missions, operationNow } from "../feed/store.ts";
import { count, utcDateTime } from "../format.ts";
import { Field, ForThose, Trouble, useDoing } from "../parts/controls.tsx";
import { Form, Picks } from "../parts/form.tsx";
import { freshen, useFresh } from "../parts/fresh.ts";
import { Icon, StateWord } from "../parts/marks.tsx";
import { Left } from "../parts/windows.tsx";
import { address, choose, route } from "../route.ts";
import { allowed } from "../session.ts";
import { announce } from "../state.ts";
import { OccurrenceDetails } from "./Occurrence.tsx";
import { Page } from "./Page.tsx";

const LEAD = "What went wrong in the air. The program opens what it sees by itself; people tell of the rest. Every answer is closed: a narrative is written in the portal.";

export function OccurrencesPage() {
  return (
    <Page title="Occurrences" lead={LEAD}>
      <ForThose who="occurrences">
        <Body />
      </ForThose>
    </Page>
  );
}

function Body() {
  const { value, error } = useFresh<Shown[]>(occurrences);
  const { query } = route.value;
  const [id, isNew] = [query.get("id"), query.get("new") !== null];
  const one = value?.find((each) => each.occurrence.occurrence_id === id);
  return (
    <div class={`split${id !== null || isNew ? " with-details" : ""}`}>
      <section class="split-list" aria-label="Occurrences">
        <Trouble error={error} />
        <Tools />
        {value === null ? error === null ? <p class="soft">Asking…</p> : null : <List all={value} />}
      </section>
      <section class="split-detail" aria-label={isNew ? "Tell of an occurrence" : "The occurrence"}>
        {isNew ? (
          <Tell />
        ) : one !== undefined ? (
          <OccurrenceDetails key={one.occurrence.occurrence_id} one={one} />
        ) : id !== null && value !== null ? (
          <p class="note">There is no occurrence {id}.</p>
        ) : (
          <p class="empty split-none">Choose one to see it whole.</p>
        )}
      </section>
    </div>
  );
}

function Tools() {
  const all = route.value.query.get("closed") !== null;
  return (
    <div class="tools">
      <div class="tools-line">
        <div class="chips" role="group" aria-label="Which are shown">
          <button type="button" class="chip" aria-pressed={!all} onClick={() => choose({ closed: "" })}>
            Not closed
          </button>
          <button type="button" class="chip" aria-pressed={all} onClick={() => choose({ closed: "1" })}>
            All
          </button>
        </div>
        {allowed("record") ? (
          <a class="button main" href={address("occurrences", { new: "1" })}>
            <Icon name="plus" /> Tell of one
          </a>
        ) : null}
      </div>
    </div>
  );
}

function List({ all }: { all: readonly Shown[] }) {
  const { query } = route.value;
  const found = ordered(all, query.get("closed") !== null);
  return (
    <>
      <p class="soft" role="status">
        {count(found.length, "occurrence")}
        {found.length === all.length ? "" : `, ${all.length - found.length} closed`}
      </p>
      <ul class="rows framed" hidden={found.length === 0}>
        {found.map((one) => (
          <li key={one.occurrence.occurrence_id}>
            <Row one={one} chosen={query.get("id") === one.occurrence.occurrence_id} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Row({ one, chosen }: { one: Shown; chosen: boolean }) {
  const { occurrence, due_at } = one;
  const query = { ...Object.fromEntries(route.value.query), new: "", id: occurrence.occurrence_id };
  return (
    <a class="row" href={address("occurrences", query)} aria-current={chosen ? "true" : undefined}>
      <span class="row-main">
        <span class="row-title wraps">
          {named(occurrence.kind)} <StateWord {...occurrenceWord(one)} />
        </span>
        <span class="row-below">
          {occurrence.evidence.vehicle_id ?? "no drone of ours"}
          {occurrence.borough === null ? "" : `, ${occurrence.borough}`} · {utcDateTime(occurrence.occurred_at)}
        </span>
      </span>
      {due_at === null ? null : (
        <span class="row-side urgent">
          <Left at={due_at} />
          <span class="soft">to report</span>
        </span>
      )}
    </a>
  );
}

function Tell() {
  const doing = useDoing();
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  const [kind, setKind] = useState("");
  const [at, setAt] = useState("");
  const [vehicle, setVehicle] = useState("");
  const tell = async (): Promise<void> => {
    await doing.run(async () => {
      const mission = [...missions.value.values()].findLast((each) => each.vehicle_id === vehicle);
      const about = { ...(vehicle === "" ? {} : { vehicle_id: vehicle }), ...(mission === undefined ? {} : { mission_id: mission.id }) };
      const made = await tellOf({ kind, occurred_at: new Date(at === "" ? operationNow() : Date.parse(`${at}Z`)).toISOString(), ...about });
      announce("The occurrence is open");
      freshen();
      location.hash = address("occurrences", { id: made.occurrence.occurrence_id });
    });
  };
  return (
    <Form
      look="card"
      label="Tell of an occurrence"
      doing={doing}
      verb="Open it"
      onSend={tell}
      why={kind === "" ? "Say what happened." : ""}
      beside={
        <a class="button" href={address("occurrences")}>
          Cancel
        </a>
      }
    >
      <h2 ref={head} tabIndex={-1}>
        Tell of an occurrence
      </h2>
      <Picks legend="What happened" codes={[...KINDS].reverse()} worded={named} value={kind} onChange={setKind} />
      <div class="form inline">
        <Field label="When (UTC)" hint="Left empty: now.">
          {(id, hint) => <input id={id} aria-describedby={hint} type="datetime-local" value={at} onInput={(event) => setAt(event.currentTarget.value)} />}
        </Field>
        <Field label="Drone">
          {(id) => (
            <select id={id} value={vehicle} onChange={(event) => setVehicle(event.currentTarget.value)}>
              <option value="">None of ours, or not known</option>
              {fleet.value.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.id}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
    </Form>
  );
}
