// How long personal data are kept, what is due, what stands against it, and the receipts of what went.

import { useState } from "preact/hooks";
import { authorisations, type Authorisation, type Erasure, type Retention, retention, type RetentionClass, type Standing } from "../api/authority.ts";
import { asFile, covering, groundName, useCaseName } from "../authority.ts";
import { capital, count, utcDateTime } from "../format.ts";
import { Button, ForThose, Trouble } from "../parts/controls.tsx";
import { useFresh } from "../parts/fresh.ts";
import { StateWord, ToneMark } from "../parts/marks.tsx";
import { disclosed } from "../orders.ts";
import { address, route } from "../route.ts";
import { allowed, type Deed } from "../session.ts";
import { dialog } from "../state.ts";
import { Left, useMoment } from "../parts/windows.tsx";
import { Page } from "./Page.tsx";

const LEAD = "Personal data go when their period is over: their keys are destroyed, so that no copy can be read, and a receipt stays in the record.";

export function RetentionPage() {
  return (
    <Page title="Retention" lead={LEAD}>
      <ForThose who="authorisations">
        <Body />
      </ForThose>
    </Page>
  );
}

function Body() {
  const { value, error } = useFresh<Retention>(retention);
  const leave = useFresh<Authorisation[]>(authorisations);
  if (value === null) return error === null ? <p class="soft">Asking…</p> : <Trouble error={error} />;
  return (
    <>
      <Trouble error={error ?? leave.error} />
      <Lateness since={value.overdue_since} />
      <Table kept={value} />
      {allowed("erase") || allowed("disclose") ? <Orders all={leave.value ?? []} gone={new Set(value.erasures.map((one) => one.subject_id))} /> : null}
      <Disclosed />
      <Holds holds={value.holds} />
      <Receipts erasures={value.erasures} all={leave.value ?? []} />
    </>
  );
}

function Lateness({ since }: { since: number | null }) {
  if (since === null) return null;
  return (
    <p class="note waits" role="status">
      <ToneMark tone="warning" /> Something is due since <span class="num">{utcDateTime(since)}</span> and not erased yet.
    </p>
  );
}

function Table({ kept }: { kept: Retention }) {
  const standing = new Map(kept.holdings.map((one) => [one.retention_class, one]));
  return (
    <section aria-label="The table in force">
      <h2>The table in force</h2>
      <div class="table-frame" tabIndex={0} role="region" aria-label="Periods by class">
        <table class="table stacked">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Kept</th>
              <th scope="col">Held now</th>
              <th scope="col">Due</th>
              <th scope="col">Source</th>
            </tr>
          </thead>
          <tbody>
            {kept.classes.map((one) => (
              <ClassRow key={one.name} one={one} held={standing.get(one.name)} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint">
        Version {kept.version}, SHA-256 <span class="mono wraps">{kept.digest}</span>: entered into the record at each start.
      </p>
    </section>
  );
}

function ClassRow({ one, held }: { one: RetentionClass; held: Standing | undefined }) {
  return (
    <tr>
      <th scope="row">
        {capital(one.name.replaceAll("-", " "))} <span class="soft below">{capital(one.what)}</span>
      </th>
      <td data-name="Kept">
        <span class="nowrap">{count(one.days, "day")}</span> <span class="soft below">from when {one.from}</span>
      </td>
      <td data-name="Held now" class="num">
        {held === undefined ? <span class="soft">{one.held ? "–" : "nothing of the kind"}</span> : held.subjects.toLocaleString("en-GB")}
      </td>
      <td data-name="Due">{held === undefined ? "–" : <DueText held={held} />}</td>
      <td data-name="Source">{capital(one.source)}</td>
    </tr>
  );
}

function DueText({ held }: { held: Standing }) {
  return (
    <>
      {held.due > 0 ? <StateWord label={`${held.due} now`} tone="warning" /> : held.next_due_at === null ? "Nothing" : null}
      {held.due === 0 && held.next_due_at !== null ? <span class="num">{utcDateTime(held.next_due_at)}</span> : null}
      {held.kept_by_hold > 0 ? <span class="soft below">{held.kept_by_hold} kept by a legal hold</span> : null}
    </>
  );
}

// --- orders -----------------------------------------------------------------------------------------------------------------

/** `gone`: subjects that are erased; an authority for one of them has nothing left to be used on. */
function Orders({ all, gone }: { all: readonly Authorisation[]; gone: ReadonlySet<string> }) {
  const left = all.filter((one) => one.use_case !== "erasure" || !gone.has(one.subject_id));
  return (
    <section aria-label="Erase or disclose by authority">
      <h2>Erase or disclose by authority</h2>
      <p class="soft lead">
        Before its time, or to answer a subject access request. Each needs an authority in force for that subject; choose it here. You may be asked for your
        password.
      </p>
      <div class="two">
        <Order all={left} useCase="erasure" deed="erase" verb="Erase" />
        <Order all={left} useCase="disclosure" deed="disclose" verb="Disclose" />
      </div>
    </section>
  );
}

function Order({ all, useCase, deed, verb }: { all: readonly Authorisation[]; useCase: string; deed: Deed; verb: string }) {
  const standing = covering(all, useCase, useMoment(all));
  const asked = route.value.query.get("by");
  const [picked, pick] = useState<string | null>(null);
  const chosen = standing.find((one) => one.authorisation_id === (picked ?? asked));
  if (!allowed(deed)) return null;
  return (
    <div class="card">
      <h3>{useCaseName(useCase)}</h3>
      {standing.length === 0 ? (
        <p class="soft">No authority for it is in force.</p>
      ) : (
        <fieldset class="picks">
          <legend>By which authority</legend>
          {standing.map((one) => (
            <label key={one.authorisation_id} class="pick">
              <input type="radio" name={useCase} checked={chosen === one} onChange={() => pick(one.authorisation_id)} />
              <span>
                <span class="mono">{one.subject_id}</span>{" "}
                <span class="soft below">
                  {groundName(one.ground)}, <Left at={one.ends_at} /> left
                </span>
              </span>
            </label>
          ))}
        </fieldset>
      )}
      <div class="actions">
        {standing.length === 0 ? null : (
          <Button
            look={deed === "erase" ? "grave" : "plain"}
            why={chosen === undefined ? "Choose the authority first." : ""}
            onPress={() => chosen !== undefined && (dialog.value = { kind: "order", authorisation: chosen })}
          >
            {verb}…
          </Button>
        )}
        {allowed("request") ? (
          <a class="button" href={address("authorisations", { new: "1", for: useCase })}>
            Request authority
          </a>
        ) : null}
      </div>
    </div>
  );
}

function Disclosed() {
  const held = disclosed.value;
  if (held === null) return null;
  const save = (): void => {
    const file = URL.createObjectURL(new Blob([asFile(held)], { type: "application/json" }));
    const link = Object.assign(document.createElement("a"), { href: file, download: `${held.subject_id}.json` });
    link.click();
    URL.revokeObjectURL(file);
  };
  return (
    <section aria-label="What is held" class="card secret">
      <h2>
        All that is held of <span class="mono">{held.subject_id}</span>
      </h2>
      <p role="status">
        {count(held.records.length, "record")}, {count(held.entries.length, "entry", "entries")} of the ledger. It is shown until you close it, and kept nowhere by this console.
      </p>
      <pre class="raw tall" tabIndex={0} aria-label="What is held, as JSON">
        {asFile(held)}
      </pre>
      <div class="actions">
        <Button look="main" onPress={save}>
          Save as a file
        </Button>
        <Button onPress={() => (disclosed.value = null)}>Close it</Button>
      </div>
    </section>
  );
}

// --- holds and receipts -------------------------------------------------------------------------------------------------------

function Holds({ holds }: { holds: readonly Authorisation[] }) {
  return (
    <section aria-label="Legal holds">
      <h2>Legal holds</h2>
      {holds.length === 0 ? (
        <p class="soft">None is in force: everything goes when its period is over.</p>
      ) : (
        <div class="table-frame" tabIndex={0} role="region" aria-label="Legal holds in force">
          <table class="table stacked">
            <thead>
              <tr>
                <th scope="col">Subject</th>
                <th scope="col">Ground</th>
                <th scope="col">Until</th>
                <th scope="col">Authority</th>
              </tr>
            </thead>
            <tbody>
              {holds.map((one) => (
                <tr key={one.authorisation_id}>
                  <th scope="row" class="mono wraps">
                    {one.subject_id}
                  </th>
                  <td data-name="Ground">{groundName(one.ground)}</td>
                  <td data-name="Until" class="num">
                    {utcDateTime(one.ends_at)}
                  </td>
                  <td data-name="Authority">
                    <a class="mono wraps" href={address("authorisations", { id: one.authorisation_id })}>
                      {one.authorisation_id}
                    </a>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Receipts({ erasures, all }: { erasures: readonly Erasure[]; all: readonly Authorisation[] }) {
  const names = new Map(all.flatMap((one) => Object.entries(one.names ?? {})));
  return (
    <section aria-label="Receipts">
      <h2>Receipts</h2>
      {erasures.length === 0 ? (
        <p class="soft">Nothing was erased yet.</p>
      ) : (
        <div class="table-frame" tabIndex={0} role="region" aria-label="What was erased, newest first">
          <table class="table stacked">
            <thead>
              <tr>
                <th scope="col">Subject</th>
                <th scope="col">Class</th>
                <th scope="col">By</th>
                <th scope="col">Ordered</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {erasures.map((one) => (
                <tr key={one.erasure_id}>
                  <th scope="row" class="mono wraps">
                    {one.subject_id}
                  </th>
                  <td data-name="Class">{capital(one.retention_class.replaceAll("-", " "))}</td>
                  <td data-name="By">{one.by.startsWith("acc-") ? (names.get(one.by) ?? one.by) : `the table, ${one.by}`}</td>
                  <td data-name="Ordered" class="num">
                    {utcDateTime(one.ordered_at)}
                  </td>
                  <td data-name="State">{one.done_at === null ? <StateWord label="Ordered" tone="warning" /> : <StateWord label={`Erased ${utcDateTime(one.done_at)}`} tone="ok" />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="hint">The newest 500; the record has all.</p>
    </section>
  );
}
