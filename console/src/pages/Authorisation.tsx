// One authorisation whole: its answers, its window, who gave it, and what can be done with it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Authorisation, documentAddress, printAddress } from "../api/authority.ts";
import { authorityWord, awaitsDecision, awaitsReview, endsAt, groundName, refusalName, stateNow, useCaseName, useCaseSays, whyNotDecide } from "../authority.ts";
import { utcDateTime } from "../format.ts";
import { Button } from "../parts/controls.tsx";
import { Icon, StateWord } from "../parts/marks.tsx";
import { Left, useMoment } from "../parts/windows.tsx";
import { address, route } from "../route.ts";
import { allowed, session } from "../session.ts";
import { dialog } from "../state.ts";
import { AmendmentOf } from "./Amendment.tsx";

export function AuthorisationDetails({ one, lives }: { one: Authorisation; lives: number }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []); // whoever chose it reads on here
  const at = useMoment([one]);
  const state = stateNow(one, at);
  return (
    <article class="card authorisation">
      <header class="card-title">
        <h2 ref={head} tabIndex={-1}>
          {useCaseName(one.use_case)}
        </h2>
        <BackLink />
      </header>
      <p class="standing">
        <StateWord {...authorityWord(one, at)} />
        {one.urgent ? <span class="soft">Urgent: given by one officer alone</span> : null}
      </p>
      <p class="soft">{useCaseSays(one.use_case)}</p>
      <Window one={one} lives={lives} state={state} />
      <Facts one={one} />
      {one.use_case === "recognition-deployment" && one.state === "requested" && allowed("seeRecognition") ? (
        <AmendmentOf authorisation={one}>{(unseen) => <Deeds one={one} at={at} state={state} unseen={unseen} />}</AmendmentOf>
      ) : (
        <Deeds one={one} at={at} state={state} unseen="" />
      )}
      <Documents one={one} />
    </article>
  );
}

export function BackLink() {
  const query = { ...Object.fromEntries(route.value.query), id: "", new: "", for: "", ground: "", subject: "", where: "" };
  return (
    <a class="button quiet only-icon" href={address("authorisations", query)} aria-label="Close, back to the list">
      <Icon name="close" />
    </a>
  );
}

function Window({ one, lives, state }: { one: Authorisation; lives: number; state: string }) {
  if (state !== "requested" && state !== "in-force") return null;
  const urgent = one.urgent && state === "in-force";
  return (
    <p class={`note countdown${urgent ? " waits" : ""}`}>
      <span class="big">
        <Left at={endsAt(one, lives)} />
      </span>{" "}
      {state === "requested" ? "until it lapses without a decision" : "until it ends by itself"}
      {urgent ? <span class="soft"> An urgent authority is never prolonged.</span> : null}
    </p>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Who it was, as this program knows them; an account id where the name was erased or may not be seen. */
function who(one: Authorisation, account: string | null): string {
  if (account === null) return "nobody";
  const name = one.names?.[account] ?? account;
  return account === session.value?.account_id ? `${name} (you)` : name;
}

function Facts({ one }: { one: Authorisation }) {
  return (
    <dl class="facts">
      <Fact name="Ground">{groundName(one.ground)}</Fact>
      <Fact name="Subject">
        <span class="mono">{one.subject_id}</span>
        {one.use_case === "recognition-deployment" && allowed("seeRecognition") ? (
          <>
            {" "}
            <a href={address("deployments", { id: one.subject_id })}>Plan, list and notice</a>
          </>
        ) : null}
      </Fact>
      <Fact name="Where">{one.place.boroughs.join(", ")}</Fact>
      <Fact name="From">
        <span class="num">{utcDateTime(one.starts_at)}</span>
      </Fact>
      <Fact name="Until">
        <span class="num">{utcDateTime(one.ends_at)}</span>
      </Fact>
      <Fact name="Asked by">
        {who(one, one.requested_by)}, <span class="num">{utcDateTime(one.requested_at)}</span>
      </Fact>
      {one.decided_at === null ? null : (
        <Fact name={one.state === "refused" ? "Refused by" : "Given by"}>
          {who(one, one.decided_by)}, <span class="num">{utcDateTime(one.decided_at)}</span>
        </Fact>
      )}
      {one.reviewed_at === null ? null : (
        <Fact name="Reviewed by">
          {who(one, one.reviewed_by)}, <span class="num">{utcDateTime(one.reviewed_at)}</span>
        </Fact>
      )}
      {one.refused_because === undefined ? null : <Fact name="Because">{refusalName(one.refused_because)}</Fact>}
      {one.own_account === true ? <Fact name="Mark">The account that decided was made by the one that asked</Fact> : null}
      <Fact name="Id">
        <span class="mono">{one.authorisation_id}</span>
      </Fact>
    </dl>
  );
}

/** `unseen`: why nobody says yes to it yet; a no needs no more to be seen. */
function Deeds({ one, at, state, unseen }: { one: Authorisation; at: number; state: string; unseen: string }) {
  const decides = awaitsDecision(one, at) && allowed("authorise");
  const revokes = (state === "requested" || state === "in-force") && allowed("revoke");
  const orders = state === "in-force" && ((one.use_case === "erasure" && allowed("erase")) || (one.use_case === "disclosure" && allowed("disclose")));
  if (!decides && !revokes && !orders) return null;
  const no = whyNotDecide(one, session.value?.account_id ?? "");
  const review = awaitsReview(one, at);
  return (
    <>
      {decides && no !== "" ? <p class="note">{no}</p> : null}
      <div class="actions">
        {!decides ? null : (
          <>
            <Button look="main" why={no || unseen} onPress={() => (dialog.value = { kind: "decide", authorisation: one, allow: true })}>
              {review ? "Uphold" : "Approve"}
            </Button>
            <Button look="grave" why={no} onPress={() => (dialog.value = { kind: "decide", authorisation: one, allow: false })}>
              {review ? "End it" : "Refuse"}
            </Button>
          </>
        )}
        {orders ? (
          <a class="button" href={address("retention", { by: one.authorisation_id })}>
            Use it
          </a>
        ) : null}
        {revokes ? (
          <Button look="grave" onPress={() => (dialog.value = { kind: "revoke", authorisation: one })}>
            Revoke
          </Button>
        ) : null}
      </div>
    </>
  );
}

function Documents({ one }: { one: Authorisation }) {
  return (
    <>
      <div class="actions">
        <a class="button" href={documentAddress(one.authorisation_id)} download={`${one.authorisation_id}.txt`}>
          Signed document
        </a>
        <a class="button" href={printAddress(one.authorisation_id)} target="_blank" rel="noopener">
          Print view<span class="unseen"> (opens another tab)</span>
        </a>
      </div>
      <p class="hint">
        Anybody can check the document, on any machine: <code class="mono">bowstreet authority verify {one.authorisation_id}.txt --key KEY</code>. The key is on
        the <a href="#/record">record’s page</a>.
      </p>
    </>
  );
}
