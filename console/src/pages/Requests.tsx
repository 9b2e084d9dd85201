// What members of the public asked or complained of, by when law wants an answer, and what became of it.

import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { REASONS_TO_LOOK } from "../api/deeds.ts";
import { moveRequest, requests, type RequestLine, requestWhole, type RequestWhole } from "../api/requests.ts";
import { capital, count, utcDateTime } from "../format.ts";
import { Button, Field, ForThose, Trouble, type Doing, useDoing } from "../parts/controls.tsx";
import { Form, Picks } from "../parts/form.tsx";
import { freshen, useFresh } from "../parts/fresh.ts";
import { Icon, StateWord } from "../parts/marks.tsx";
import { Left } from "../parts/windows.tsx";
import { dueNext, GROUNDS, isSettled, kindName, ordered, requestWord } from "../requests.ts";
import { address, choose, route } from "../route.ts";
import { allowed } from "../session.ts";
import { announce } from "../state.ts";
import { Page } from "./Page.tsx";

const LEAD = "What members of the public asked or complained of at /public/requests. The answer goes by the way they gave, outside this program; here it is kept that it went.";

export function RequestsPage() {
  return (
    <Page title="Requests" lead={LEAD}>
      <ForThose who="requests">
        <Body />
      </ForThose>
    </Page>
  );
}

function Body() {
  const { value, error } = useFresh<RequestLine[]>(requests);
  const { query } = route.value;
  const [id, all] = [query.get("id"), query.get("all") !== null];
  const one = value?.find((each) => each.request_id === id);
  return (
    <div class={`split${id !== null ? " with-details" : ""}`}>
      <section class="split-list" aria-label="Requests">
        <Trouble error={error} />
        <div class="chips" role="group" aria-label="Which are shown">
          <button type="button" class="chip" aria-pressed={!all} onClick={() => choose({ all: "" })}>
            Not settled
          </button>
          <button type="button" class="chip" aria-pressed={all} onClick={() => choose({ all: "1" })}>
            All
          </button>
        </div>
        {value === null ? error === null ? <p class="soft">Asking…</p> : null : <List found={ordered(value, all)} settled={value.filter(isSettled).length} all={all} />}
      </section>
      <section class="split-detail" aria-label="The request">
        {one !== undefined ? (
          <Details key={one.request_id} one={one} />
        ) : id !== null && value !== null ? (
          <p class="note">There is no request {id}.</p>
        ) : (
          <p class="empty split-none">Choose one. What it says is shown when you ask for it, and that you did is on record.</p>
        )}
      </section>
    </div>
  );
}

function List({ found, settled, all }: { found: readonly RequestLine[]; settled: number; all: boolean }) {
  const { query } = route.value;
  return (
    <>
      <p class="soft" role="status">
        {count(found.length, "request")}
        {all || settled === 0 ? "" : `, ${settled} settled`}
      </p>
      <ul class="rows framed" hidden={found.length === 0}>
        {found.map((one) => (
          <li key={one.request_id}>
            <Row one={one} chosen={query.get("id") === one.request_id} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Row({ one, chosen }: { one: RequestLine; chosen: boolean }) {
  const due = dueNext(one);
  const query = { ...Object.fromEntries(route.value.query), id: one.request_id };
  return (
    <a class="row" href={address("requests", query)} aria-current={chosen ? "true" : undefined}>
      <span class="row-main">
        <span class="row-title wraps">
          {kindName(one.kind)} <StateWord {...requestWord(one)} />
        </span>
        <span class="row-below">came {utcDateTime(one.filed_at)}</span>
      </span>
      {due === null ? null : (
        <span class="row-side">
          <Left at={due.at} />
          <span class="soft">{due.what}</span>
        </span>
      )}
    </a>
  );
}

function Details({ one }: { one: RequestLine }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  const due = dueNext(one);
  return (
    <article class="card authorisation">
      <header class="card-title">
        <h2 ref={head} tabIndex={-1}>
          {kindName(one.kind)}
        </h2>
        <a class="button quiet only-icon" href={address("requests", { ...Object.fromEntries(route.value.query), id: "" })} aria-label="Close, back to the list">
          <Icon name="close" />
        </a>
      </header>
      <p class="standing">
        <StateWord {...requestWord(one)} />
      </p>
      {due === null ? null : (
        <p class={`note countdown${one.overdue ? " waits" : ""}`}>
          <span class="big">
            <Left at={due.at} />
          </span>{" "}
          {due.what}
        </p>
      )}
      <Whole one={one} />
      {isSettled(one) ? null : <Steps one={one} />}
    </article>
  );
}

/** What was written, when somebody asks. */
function Whole({ one }: { one: RequestLine }) {
  const [whole, setWhole] = useState<RequestWhole | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [shown, show] = useState(false);
  const [why, setWhy] = useState("");
  useEffect(() => {
    if (!shown) return;
    let here = true;
    requestWhole(one.request_id, why).then(
      (found) => here && (setWhole(found), setError(null)),
      (failure: unknown) => here && setError(failure),
    );
    return () => {
      here = false;
    };
  }, [shown, why, one.state]);
  const mustSay = error instanceof Problem && error.status === 409 && error.kind === "refused";
  return (
    <>
      {whole === null ? null : <blockquote class="said">{whole.words}</blockquote>}
      <dl class="facts">
        {whole === null ? null : <Fact name="Reach them by" said={whole.contact} />}
        <Fact name="Came" said={utcDateTime(one.filed_at)} />
        {(whole?.changes ?? []).filter((each) => each.state !== "received").map((each) => (
          <Fact key={each.at} name={capital(each.state)} said={`${utcDateTime(each.at)}${each.ground === null ? "" : `: ${GROUNDS[each.ground] ?? each.ground}`}`} />
        ))}
        <Fact name="Id" said={one.request_id} />
      </dl>
      {shown ? null : (
        <p>
          <Button onPress={() => show(true)}>Show what they wrote</Button> <span class="soft">That you looked is on record.</span>
        </p>
      )}
      {mustSay ? (
        <Field label="Why do you look?">
          {(id) => (
            <select id={id} value={why} onChange={(event) => setWhy(event.currentTarget.value)}>
              <option value="">Choose…</option>
              {REASONS_TO_LOOK.map((reason) => (
                <option key={reason} value={reason}>
                  {capital(reason.replaceAll("-", " "))}
                </option>
              ))}
            </select>
          )}
        </Field>
      ) : (
        <Trouble error={error} />
      )}
    </>
  );
}

function Fact({ name, said }: { name: string; said: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num">{said}</dd>
    </div>
  );
}

function Steps({ one }: { one: RequestLine }) {
  const doing = useDoing();
  const refusing = useDoing();
  const [ground, setGround] = useState("");
  const move = async (state: string, said: string, by: Doing = doing): Promise<void> => {
    if (!(await by.run(() => moveRequest(one.request_id, state, state === "refused" ? ground : null)))) return;
    announce(said);
    freshen();
  };
  if (!allowed("answer")) return null;
  return (
    <>
      <Trouble error={doing.error} />
      <div class="actions">
        {one.state === "received" ? (
          <Button onPress={() => void move("acknowledged", "It is kept that it was acknowledged")} look="main" why={doing.busy ? "One moment…" : ""}>
            Acknowledged
          </Button>
        ) : null}
        <Button
          onPress={() => void move("answered", "It is kept that it was answered")}
          look={one.state === "received" ? "plain" : "main"}
          why={doing.busy ? "One moment…" : ""}
        >
          Answered
        </Button>
      </div>
      <details>
        <summary>Refuse it</summary>
        <Form doing={refusing} verb="Refuse it" grave onSend={() => move("refused", "It is kept that it was refused", refusing)} why={ground === "" ? "Say on what ground." : ""}>
          <Picks legend="On what ground" codes={Object.keys(GROUNDS)} worded={(each) => GROUNDS[each] ?? each} value={ground} onChange={setGround} />
        </Form>
      </details>
    </>
  );
}
