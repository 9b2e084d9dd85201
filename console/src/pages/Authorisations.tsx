// Authority: what was asked for, what is in force and until when, and what became of the rest.

import { type Authorisation, authorisations, type Terms, terms } from "../api/authority.ts";
import { asShown, authorityWord, awaitsDecision, endsAt, filtered, groundName, SHOWN, SHOWN_NAMES, stateNow, useCaseName } from "../authority.ts";
import type { Millis } from "../feed/wire.ts";
import { count, utcDateTime } from "../format.ts";
import { ForThose, Trouble } from "../parts/controls.tsx";
import { useFresh } from "../parts/fresh.ts";
import { Icon, StateWord } from "../parts/marks.tsx";
import { Left, useMoment } from "../parts/windows.tsx";
import { address, choose, route } from "../route.ts";
import { allowed } from "../session.ts";
import { AuthorisationDetails } from "./Authorisation.tsx";
import { Page } from "./Page.tsx";
import { RequestAuthority } from "./RequestAuthority.tsx";

const LEAD = "Leave for what touches a person: one asks, another gives it, for a place and a time, and it ends by itself. Each is signed and in the record.";

export function AuthorisationsPage() {
  return (
    <Page title="Authority" lead={LEAD}>
      <ForThose who="authorisations">
        <Body />
      </ForThose>
    </Page>
  );
}

function Body() {
  const list = useFresh<Authorisation[]>(authorisations);
  const asked = useFresh<Terms>(terms);
  const { query } = route.value;
  const [id, isNew] = [query.get("id"), query.get("new") !== null];
  const one = list.value?.find((each) => each.authorisation_id === id);
  return (
    <div class={`split${id !== null || isNew ? " with-details" : ""}`}>
      <section class="split-list" aria-label="Authorisations">
        <Trouble error={list.error ?? asked.error} />
        <Tools useCases={asked.value?.use_cases.map((each) => each.use_case) ?? []} />
        {list.value === null ? list.error === null ? <p class="soft">Asking…</p> : null : <List all={list.value} lives={asked.value?.request_lives_s ?? Infinity} />}
      </section>
      <section class="split-detail" aria-label={isNew ? "Request authority" : "The authorisation"}>
        {isNew ? (
          asked.value === null ? <p class="soft">Asking…</p> : <RequestAuthority key="new" terms={asked.value} />
        ) : one !== undefined ? (
          <AuthorisationDetails key={one.authorisation_id} one={one} lives={asked.value?.request_lives_s ?? Infinity} />
        ) : id !== null && list.value !== null ? (
          <p class="note">There is no authorisation {id}.</p>
        ) : (
          <p class="empty split-none">Choose one to see it whole.</p>
        )}
      </section>
    </div>
  );
}

function Tools({ useCases }: { useCases: readonly string[] }) {
  const { query } = route.value;
  const shown = asShown(query.get("state"));
  return (
    <div class="tools">
      <div class="tools-line">
        <div class="chips" role="group" aria-label="Which are shown">
          {SHOWN.map((each) => (
            <button type="button" key={each} class="chip" aria-pressed={shown === each} onClick={() => choose({ state: each === "all" ? "" : each })}>
              {SHOWN_NAMES[each]}
            </button>
          ))}
        </div>
        {allowed("request") ? (
          <a class="button main" href={address("authorisations", { new: "1" })}>
            <Icon name="plus" /> Request authority
          </a>
        ) : null}
      </div>
      <div class="tools-line">
        <select aria-label="Use case" value={query.get("use_case") ?? ""} onChange={(event) => choose({ use_case: event.currentTarget.value })}>
          <option value="">Every use case</option>
          {useCases.map((each) => (
            <option key={each} value={each}>
              {useCaseName(each)}
            </option>
          ))}
        </select>
        <input
          type="search"
          aria-label="Find by subject, borough, ground or id"
          placeholder="Subject, borough, ground or id"
          value={query.get("find") ?? ""}
          onInput={(event) => choose({ find: event.currentTarget.value })}
        />
      </div>
    </div>
  );
}

function List({ all, lives }: { all: readonly Authorisation[]; lives: number }) {
  const { query } = route.value;
  const at = useMoment(all);
  const filter = { shown: asShown(query.get("state")), useCase: query.get("use_case") ?? "", text: query.get("find") ?? "" };
  const found = filtered(all, filter, at);
  return (
    <>
      <p class="soft" role="status">
        {count(found.length, "authorisation")}
        {found.length === all.length ? "" : ` of ${all.length}`}
      </p>
      {all.length === 0 ? <p class="empty">Nothing was asked for yet.</p> : found.length === 0 ? <p class="empty">None is like that.</p> : null}
      <ul class="rows framed" hidden={found.length === 0}>
        {found.map((one) => (
          <li key={one.authorisation_id}>
            <Row one={one} at={at} lives={lives} chosen={query.get("id") === one.authorisation_id} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Row({ one, at, lives, chosen }: { one: Authorisation; at: Millis; lives: number; chosen: boolean }) {
  const query = { ...Object.fromEntries(route.value.query), new: "", id: one.authorisation_id };
  const counts = awaitsDecision(one, at) || stateNow(one, at) === "in-force";
  return (
    <a class="row" href={address("authorisations", query)} aria-current={chosen ? "true" : undefined}>
      <span class="row-main">
        <span class="row-title wraps">
          {useCaseName(one.use_case)} <StateWord {...authorityWord(one, at)} />
        </span>
        <span class="row-below">
          {groundName(one.ground)} · <span class="mono">{one.subject_id}</span>
        </span>
        <span class="row-below">
          {one.place.boroughs.join(", ")} · asked {utcDateTime(one.requested_at)}
        </span>
      </span>
      {counts ? (
        <span class={`row-side${one.urgent ? " urgent" : ""}`}>
          <Left at={endsAt(one, lives)} />
          <span class="soft">{one.state === "requested" ? "to decide" : one.urgent ? "urgent" : "left"}</span>
        </span>
      ) : null}
    </a>
  );
}
