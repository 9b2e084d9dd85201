// One occurrence whole: what is known, what was found, who was told, and its end.

import { useEffect, useRef, useState } from "preact/hooks";
import { closeOccurrence, find, type Findings, type Occurrence, reportAddress, reportPrintAddress, type Shown, wasTold } from "../api/occurrences.ts";
import { ASKED, BODIES, bodyName, FINDINGS, named, occurrenceWord, OUTCOMES } from "../occurrences.ts";
import { count, position, utcDateTime } from "../format.ts";
import { Field, useDoing } from "../parts/controls.tsx";
import { Form, Picks } from "../parts/form.tsx";
import { freshen } from "../parts/fresh.ts";
import { Icon, StateWord } from "../parts/marks.tsx";
import { Left } from "../parts/windows.tsx";
import { address, route } from "../route.ts";
import { allowed, session } from "../session.ts";
import { announce } from "../state.ts";

export function OccurrenceDetails({ one }: { one: Shown }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  const { occurrence } = one;
  const changes = allowed("record") && occurrence.state !== "closed";
  return (
    <article class="card authorisation">
      <header class="card-title">
        <h2 ref={head} tabIndex={-1}>
          {named(occurrence.kind)}
        </h2>
        <a class="button quiet only-icon" href={address("occurrences", { ...Object.fromEntries(route.value.query), id: "" })} aria-label="Close, back to the list">
          <Icon name="close" />
        </a>
      </header>
      <p class="standing">
        <StateWord {...occurrenceWord(one)} />
      </p>
      {one.due_at === null ? null : (
        <p class="note waits countdown">
          <span class="big">
            <Left at={one.due_at} />
          </span>{" "}
          {one.owed.length === 0 ? "to determine whether somebody must be told" : `to tell the ${one.owed.map(bodyName).join(" and the ")}`}
          <span class="soft"> By telephone and in the ECCAIRS portal; here it is kept that it was.</span>
        </p>
      )}
      {one.hold === null || !allowed("request") ? null : (
        <p class="note">
          The incident’s personal data are not held by this.{" "}
          <a
            href={address("authorisations", {
              new: "1",
              for: one.hold.use_case,
              ground: one.hold.ground,
              subject: one.hold.subject_id,
              where: one.hold.boroughs.join(","),
            })}
          >
            Request a legal hold
          </a>
        </p>
      )}
      <Facts one={occurrence} />
      {changes ? <Found one={occurrence} /> : null}
      {changes ? <Telling one={one} /> : null}
      {changes ? <Closing one={occurrence} /> : null}
      <div class="actions">
        <a class="button" href={reportAddress(occurrence.occurrence_id)} download={`${occurrence.occurrence_id}.txt`}>
          Signed report
        </a>
        <a class="button" href={reportPrintAddress(occurrence.occurrence_id)} target="_blank" rel="noopener">
          Print view<span class="unseen"> (opens another tab)</span>
        </a>
      </div>
    </article>
  );
}

function facts(one: Occurrence): [string, string][] {
  const { evidence, findings } = one;
  const known: [string, string | null][] = [
    ["Happened", utcDateTime(one.occurred_at)],
    ["Known", utcDateTime(one.known_at)],
    ["Opened by", one.opened_by === session.value?.account_id ? "you" : one.opened_by === "program" ? "the program" : one.opened_by],
    ["Seen as", one.code === "" ? null : one.code],
    ["Where", one.borough],
    ["Last heard at", one.place === null ? null : position(one.place.latitude_deg, one.place.longitude_deg)],
    ["Drone", evidence.vehicle_id],
    ["Flight", evidence.mission_id],
    ["Incident", evidence.incident_id],
    ...(Object.keys(ASKED) as (keyof Findings)[]).map((name): [string, string] => [ASKED[name], named(findings[name])]),
    ...one.sent.map((each): [string, string] => [`Told the ${bodyName(each.body)}`, `${each.reference}, ${utcDateTime(each.at)}`]),
    ["Outcome", one.outcome === null ? null : named(one.outcome)],
    ["Entries", evidence.ledger.length === 0 ? null : count(evidence.ledger.length, "entry", "entries")],
    ["Id", one.occurrence_id],
  ];
  return known.filter((each): each is [string, string] => each[1] !== null);
}

function Facts({ one }: { one: Occurrence }) {
  return (
    <dl class="facts">
      {facts(one).map(([name, said]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="num">{said}</dd>
        </div>
      ))}
    </dl>
  );
}

function Found({ one }: { one: Occurrence }) {
  const doing = useDoing();
  const [found, setFound] = useState<Findings>(one.findings);
  const save = async (): Promise<void> => {
    if (!(await doing.run(() => find(one.occurrence_id, found)))) return;
    announce("The findings are kept");
    freshen();
  };
  return (
    <details>
      <summary>What was found</summary>
      <Form doing={doing} verb="Keep it" onSend={save}>
        <div class="form inline">
          {(Object.keys(FINDINGS) as (keyof Findings)[]).map((name) => (
            <Field key={name} label={ASKED[name]}>
              {(id) => (
                <select id={id} value={found[name]} onChange={(event) => setFound({ ...found, [name]: event.currentTarget.value })}>
                  {FINDINGS[name].map((each) => (
                    <option key={each} value={each}>
                      {named(each)}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          ))}
        </div>
      </Form>
    </details>
  );
}

function Telling({ one }: { one: Shown }) {
  const doing = useDoing();
  const left = BODIES.filter((body) => one.occurrence.sent.every((each) => each.body !== body));
  const [picked, pick] = useState<string | null>(null);
  const [reference, setReference] = useState("");
  const body = picked ?? one.owed[0] ?? left[0] ?? "";
  if (left.length === 0) return null;
  const save = async (): Promise<void> => {
    if (!(await doing.run(() => wasTold(one.occurrence.occurrence_id, body, reference)))) return;
    announce(`It is kept that the ${bodyName(body)} was told`);
    pick(null);
    setReference("");
    freshen();
  };
  return (
    <details>
      <summary>Somebody was told</summary>
      <Form doing={doing} verb="Keep that they were told" onSend={save} why={reference === "" ? "Say by which number." : ""}>
        <div class="form inline">
          <Field label="Who">
            {(id) => (
              <select id={id} value={body} onChange={(event) => pick(event.currentTarget.value)}>
                {left.map((each) => (
                  <option key={each} value={each}>
                    {bodyName(each)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Number that they gave">
            {(id) => <input id={id} required maxLength={80} autocomplete="off" value={reference} onInput={(event) => setReference(event.currentTarget.value.trim())} />}
          </Field>
        </div>
      </Form>
    </details>
  );
}

function Closing({ one }: { one: Occurrence }) {
  const doing = useDoing();
  const [outcome, setOutcome] = useState("");
  const close = async (): Promise<void> => {
    if (!(await doing.run(() => closeOccurrence(one.occurrence_id, outcome)))) return;
    announce("The occurrence is closed");
    freshen();
  };
  return (
    <details>
      <summary>Close it</summary>
      <Form doing={doing} verb="Close it" grave onSend={close} why={outcome === "" ? "Say why." : ""}>
        <Picks legend="Why" codes={OUTCOMES} worded={named} value={outcome} onChange={setOutcome} />
      </Form>
    </details>
  );
}
