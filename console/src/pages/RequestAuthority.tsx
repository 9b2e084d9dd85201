// Asking for authority. Every question is closed: there is no "other" and no free text.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { requestAuthority, type Terms } from "../api/authority.ts";
import { groundName, lengthName, lengths, missing, termsOf, useCaseName, useCaseSays } from "../authority.ts";
import { incidents, operationNow } from "../feed/store.ts";
import { Field, useDoing } from "../parts/controls.tsx";
import { Form } from "../parts/form.tsx";
import { freshen } from "../parts/fresh.ts";
import { proved } from "../proof.ts";
import { address, route } from "../route.ts";
import { allowed, whyNot } from "../session.ts";
import { announce } from "../state.ts";
import { BackLink } from "./Authorisation.tsx";

/** `2026-11-23T15:04` of a field, read as UTC. */
const asUtc = (field: string): number => Date.parse(`${field}Z`);

export function RequestAuthority({ terms }: { terms: Terms }) {
  const { query } = route.value;
  const wanted = query.get("where")?.split(",") ?? [];
  const doing = useDoing();
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  const [useCase, setUseCase] = useState(query.get("for") ?? "");
  const [ground, setGround] = useState(query.get("ground") ?? "");
  const [subject, setSubject] = useState(query.get("subject") ?? "");
  const [boroughs, setBoroughs] = useState<readonly string[]>(terms.boroughs.length === 1 ? terms.boroughs : terms.boroughs.filter((each) => wanted.includes(each)));
  const [later, setLater] = useState("");
  const [lastsS, setLastsS] = useState(7 * 86_400);
  const [urgent, setUrgent] = useState(false);
  const chosen = termsOf(terms, useCase);
  const offered = lengths(terms, urgent);
  const lasts = offered.includes(lastsS) ? lastsS : (offered.at(-1) ?? terms.most_urgent_s);
  const startsAt = later === "" ? operationNow() : asUtc(later);
  const no = allowed("request") ? missing({ useCase, ground, subject, boroughs, startsAt, lastsS: lasts, urgent }, terms) : whyNot("request");

  const choose = (next: string): void => {
    setUseCase(next);
    if (termsOf(terms, next)?.grounds.includes(ground) !== true) setGround("");
    if (termsOf(terms, next)?.may_be_urgent !== true) setUrgent(false);
  };
  const ask = async (): Promise<void> => {
    const [starts_at, ends_at] = [startsAt, startsAt + lasts * 1000].map((at) => new Date(at).toISOString()) as [string, string];
    await doing.run(async () => {
      const made = await proved(() => requestAuthority({ use_case: useCase, ground, subject_id: subject, boroughs, starts_at, ends_at, urgent }));
      announce(urgent ? "It is in force. Another officer reviews it." : "It is requested. Another officer decides.");
      freshen();
      location.hash = address("authorisations", { id: made.authorisation_id });
    });
  };
  return (
    <Form look="card" label="Request authority" doing={doing} verb={urgent ? "Give urgent authority" : "Request it"} grave={urgent} onSend={ask} why={no}>
      <header class="card-title">
        <h2 ref={head} tabIndex={-1}>
          Request authority
        </h2>
        <BackLink />
      </header>
      <p class="note">
        <strong>Two persons.</strong> You ask; another authorising officer, never you, approves or refuses. Undecided it lapses after {lengthName(terms.request_lives_s)}.
      </p>
      <fieldset class="picks">
        <legend>What for</legend>
        {terms.use_cases.map((each) => (
          <label key={each.use_case} class="pick">
            <input type="radio" name="use-case" checked={useCase === each.use_case} onChange={() => choose(each.use_case)} />
            <span>
              {useCaseName(each.use_case)} <span class="soft">{useCaseSays(each.use_case)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {chosen === undefined ? null : (
        <fieldset class="picks">
          <legend>On which ground</legend>
          {chosen.grounds.map((each) => (
            <label key={each} class="pick">
              <input type="radio" name="ground" checked={ground === each} onChange={() => setGround(each)} />
              {groundName(each)}
            </label>
          ))}
        </fieldset>
      )}
      <Subject value={subject} onChange={setSubject} />
      <Places all={terms.boroughs} chosen={boroughs} onChange={setBoroughs} />
      <div class="form inline">
        <Field label="From (UTC)" hint="Left empty: from now.">
          {(id, hint) => <input id={id} aria-describedby={hint} type="datetime-local" value={later} onInput={(event) => setLater(event.currentTarget.value)} />}
        </Field>
        <Field label="For" hint={`At most ${lengthName(urgent ? terms.most_urgent_s : terms.most_s)}.`}>
          {(id, hint) => (
            <select id={id} aria-describedby={hint} value={String(lasts)} onChange={(event) => setLastsS(Number(event.currentTarget.value))}>
              {offered.map((each) => (
                <option key={each} value={String(each)}>
                  {lengthName(each)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {chosen?.may_be_urgent === true && allowed("authorise") ? (
        <label class="check">
          <input type="checkbox" checked={urgent} onChange={(event) => setUrgent(event.currentTarget.checked)} />
          <span>
            Urgent: in force at once, by your word alone, for {lengthName(terms.most_urgent_s)} at most. Another officer reviews it and may end it.
          </span>
        </label>
      ) : null}
    </Form>
  );
}

function Subject({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const known = useId();
  return (
    <Field label="Subject" hint="The id of an incident, a report, an account, a request or a deployment: never a name.">
      {(id, hint) => (
        <>
          <input
            id={id}
            class="mono"
            aria-describedby={hint}
            list={known}
            required
            maxLength={80}
            autocomplete="off"
            spellcheck={false}
            value={value}
            onInput={(event) => onChange(event.currentTarget.value.trim())}
          />
          <datalist id={known}>
            {[...incidents.value.values()].map((one) => (
              <option key={one.id} value={one.id}>
                {one.category}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

function Places({ all, chosen, onChange }: { all: readonly string[]; chosen: readonly string[]; onChange: (next: readonly string[]) => void }) {
  return (
    <fieldset class="picks places">
      <legend>Where</legend>
      {all.map((name) => (
        <label key={name} class="pick">
          <input
            type="checkbox"
            checked={chosen.includes(name)}
            onChange={(event) => onChange(all.filter((each) => (each === name ? event.currentTarget.checked : chosen.includes(each))))}
          />
          {name}
        </label>
      ))}
    </fieldset>
  );
}
