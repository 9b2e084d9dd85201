// One deployment whole: what keeps it from starting, its list, notice and signs, authority, counters, and what can be done with it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { cameraBack, type Choices, type DeploymentShown, type Step, step, tell } from "../api/recognition.ts";
import { capital, count, utcDateTime } from "../format.ts";
import { Button, Field, Trouble, useDoing } from "../parts/controls.tsx";
import { Form, Picks } from "../parts/form.tsx";
import { Icon, StateWord } from "../parts/marks.tsx";
import { PlacePane } from "../parts/PlacePane.tsx";
import { asLatLon, deploymentWord, isOver, moveWaits, said } from "../recognition.ts";
import { address, choose } from "../route.ts";
import { allowed, type Deed, session } from "../session.ts";
import { announce } from "../state.ts";
import { Amended, Decides } from "./Amendment.tsx";
import { Street } from "./Street.tsx";

interface Shown {
  readonly one: DeploymentShown;
  readonly choices: Choices;
  readonly onChange: () => void;
}

export function DeploymentDetails({ one, choices, onChange }: Shown) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  const { deployment } = one;
  return (
    <article class="card deployment">
      <header class="card-title">
        <h2 ref={head} tabIndex={-1}>
          {said(deployment.plan.use_case)}
        </h2>
        <button type="button" class="button quiet only-icon" aria-label="Close, back to the list" onClick={() => choose({ id: "" })}>
          <Icon name="close" />
        </button>
      </header>
      <p class="standing">
        <StateWord {...deploymentWord(one)} />
        {deployment.why === "" ? null : <span class="soft">{capital(deployment.why)}</span>}
        {deployment.state === "published" ? <a href={`public/recognition/${deployment.deployment_id}`}>The public record</a> : null}
      </p>
      <Deeds one={one} onChange={onChange} />
      <Obstacles one={one} />
      <KeptOut one={one} choices={choices} />
      {deployment.state === "running" ? <Street deployment={deployment.deployment_id} /> : null}
      <Counters one={one} />
      <Plan one={one} choices={choices} onChange={onChange} />
      <List one={one} />
      <Told one={one} choices={choices} onChange={onChange} />
      <Authority one={one} />
    </article>
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

const who = (one: DeploymentShown, account: string): string => {
  const name = one.names[account] ?? account;
  return account === session.value?.account_id ? `${name} (you)` : name;
};

// --- what can be done -----------------------------------------------------------------------------------------------------

const STEPS: readonly { which: Step; deed: Deed; label: string; from: readonly string[]; grave: boolean; says: string }[] = [
  { which: "submit", deed: "planDeployment", label: "Ask for authority", from: ["planned"], grave: false, says: "Plan and list are fixed. An officer decides." },
  { which: "start", deed: "runDeployment", label: "Start", from: ["submitted", "stopped"], grave: false, says: "Cameras are looked at." },
  { which: "stop", deed: "endDeployment", label: "Stop", from: ["running"], grave: true, says: "No camera is looked at any more." },
  { which: "withdraw", deed: "planDeployment", label: "Back to the plan", from: ["submitted", "stopped"], grave: false, says: "It is planned again. Its authority has ended." },
  { which: "close", deed: "endDeployment", label: "Close for good", from: ["planned", "submitted", "running", "stopped"], grave: true, says: "It is closed. Its list is destroyed." },
];

function Deeds({ one, onChange }: { one: DeploymentShown; onChange: () => void }) {
  const doing = useDoing();
  const [sure, setSure] = useState<Step | "">("");
  const { deployment } = one;
  const offered = STEPS.filter((each) => each.from.includes(deployment.state) && allowed(each.deed));
  if (offered.length === 0) return null;
  const run = async (which: Step, says: string): Promise<void> => {
    setSure("");
    if (await doing.run(() => step(deployment.deployment_id, which))) announce(says);
    onChange();
  };
  const against = one.against[0];
  const moment = doing.busy ? "One moment." : "";
  return (
    <>
      <div class="actions">
        {offered.map(({ which, label, grave, says }) => (
          <Button
            key={which}
            look={grave ? "grave" : which === "start" || which === "submit" ? "main" : "plain"}
            why={which === "start" && against !== undefined ? `It cannot be started: ${against.says}.` : which === "submit" ? notYet(one) || moment : moment}
            onPress={() => (which === "close" ? setSure("close") : void run(which, says))}
          >
            {label}
          </Button>
        ))}
        {deployment.state === "planned" && allowed("planDeployment") ? (
          <a class="button" href={address("deployments", { again: deployment.deployment_id })}>
            Change the plan
          </a>
        ) : null}
        {["submitted", "running", "stopped"].includes(deployment.state) && allowed("planDeployment") ? (
          <a class="button" href={address("deployments", { again: deployment.deployment_id })}>
            Move cameras
          </a>
        ) : null}
      </div>
      {sure === "" ? null : (
        <div class="note waits" role="alertdialog" aria-label="Close for good?">
          <p>
            <strong>Close it for good?</strong> It cannot be started again; its list is destroyed with a receipt, and its public record is made.
            {one.alerts_open === 0 ? "" : ` ${count(one.alerts_open, "open alert")}: what nobody acts on lapses now.`}
          </p>
          <div class="actions">
            <Button look="grave" onPress={() => void run("close", "It is closed. Its list is destroyed.")}>
              Close it
            </Button>
            <Button look="quiet" onPress={() => setSure("")}>
              Keep it
            </Button>
          </div>
        </div>
      )}
      <Trouble error={doing.error} />
    </>
  );
}

/** Why authority for it cannot be asked for yet: what is decided on must be there. */
function notYet({ deployment: { manifest, evidence }, against }: DeploymentShown): string {
  if (manifest === null) return "Import a list first.";
  const misplaced = against.find((each) => each.code === "list-of-another-use-case");
  if (misplaced !== undefined) return `${capital(misplaced.says)}.`;
  if (manifest.to_review.length > 0) return "Somebody on the list waits for a second approval: an authorising officer opens the list.";
  return evidence.some((each) => each.kind === "public-notice") ? "" : "Enter the public notice first.";
}

function Obstacles({ one }: { one: DeploymentShown }) {
  const { state } = one.deployment;
  if (isOver(one.deployment) || state === "running" || one.against.length === 0) return null;
  return (
    <section class="note waits" aria-label="What is missing before it can start">
      <h3>Before it can start</h3>
      <ul class="obstacles">
        {one.against.map((each) => (
          <li key={each.code}>
            <strong>{capital(each.says)}.</strong> <span class="soft">{capital(each.remedy)}.</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Cameras that are not looked at while the others are, and what brings each back. */
function KeptOut({ one, choices }: { one: DeploymentShown; choices: Choices }) {
  if (one.deployment.state !== "running" || one.kept_out.length === 0) return null;
  const names = new Map(choices.cameras.map((camera) => [camera.camera_id, camera.name]));
  return (
    <section class="note waits" aria-label="Cameras that are not looked at">
      <h3>Not looked at now</h3>
      <ul class="obstacles">
        {one.kept_out.map((each) => (
          <li key={each.camera_id}>
            <strong>
              {names.get(each.camera_id) ?? each.camera_id}: {each.says}.
            </strong>{" "}
            <span class="soft">{capital(each.remedy)}.</span>
          </li>
        ))}
      </ul>
      <p class="soft">{one.kept_out.length < one.deployment.plan.cameras.length ? "The others go on." : "No camera is looked at."}</p>
    </section>
  );
}

function Counters({ one }: { one: DeploymentShown }) {
  const { counts, deployment } = one;
  if (deployment.started_at === null) return null;
  const told: readonly (readonly [string, number])[] = [
    ["Faces seen", counts.tracks], ["Alerts", counts.alerts], ["Open alerts", one.alerts_open], ["Frames", counts.frames],
    ["Frames dropped", counts.dropped], ["Same pass again", counts.repeated], ["Too uncertain", counts.inconsistent], ["Volunteers’ passes", one.passes],
  ];
  return (
    <section aria-label="Counters">
      <h3>What is kept of everybody who walked past</h3>
      <dl class="figures counters">
        {told.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="num">{value.toLocaleString("en-GB")}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

// --- what it is -----------------------------------------------------------------------------------------------------------

function Plan({ one, choices, onChange }: Shown) {
  const doing = useDoing();
  const { deployment, report } = one;
  const { plan } = deployment;
  const names = new Map(choices.cameras.map((camera) => [camera.camera_id, camera.name]));
  const drawn = { zone: plan.zone.map(asLatLon), cameras: plan.cameras.map((each) => ({ ...asLatLon(each.position), name: names.get(each.camera_id) ?? each.camera_id })) };
  return (
    <section aria-label="Plan">
      <h3>Plan</h3>
      {deployment.amendment === null ? <PlacePane label="The deployment’s zone and cameras" drawn={drawn} onPick={null} /> : <Amended one={one} choices={choices} />}
      {one.amended?.authority == null ? null : <Decides authority={one.amended.authority} />}
      <dl class="facts">
        <Fact name="Because">{said(plan.location_basis)}</Fact>
        <Fact name="Where">{plan.boroughs.join(", ")}</Fact>
        <Fact name="Window">
          <span class="num">
            {utcDateTime(plan.starts_at)} to {utcDateTime(plan.ends_at)}
          </span>
        </Fact>
        <Fact name="Threshold">
          <span class="num">{plan.threshold}</span> <span class="soft">floor {choices.floor ?? "not known"}</span>
        </Fact>
        <Fact name="Accuracy">
          {report === null ? (
            <span class="soft">no report covers this model and threshold</span>
          ) : (
            <>
              report of a list of {count(report.list_size, "person", "people")}, until <span class="num">{utcDateTime(report.expires_at)}</span>
              {report.warnings.map((warning) => (
                <span key={warning} class="soft below">
                  {capital(warning)}.
                </span>
              ))}
            </>
          )}
        </Fact>
        <Fact name="Planned by">{who(one, deployment.planned_by)}</Fact>
        {deployment.started_by === "" ? null : <Fact name="Started by">{who(one, deployment.started_by)}</Fact>}
        <Fact name="Id">
          <span class="mono">{deployment.deployment_id}</span>
        </Fact>
      </dl>
      <ul class="cameras">
        {plan.cameras.map((each) => (
          <li key={each.camera_id}>
            {names.get(each.camera_id) ?? each.camera_id}
            {deployment.moved.includes(each.camera_id) ? (
              <>
                {" "}
                <span class="tone-warning">moved: not looked at</span>{" "}
                {!moveWaits(deployment, each.camera_id) && allowed("planDeployment") ? (
                  <Button
                    look="quiet"
                    onPress={() => void doing.run(() => cameraBack(deployment.deployment_id, each.camera_id)).then(onChange)}
                  >
                    It was put back
                  </Button>
                ) : null}
              </>
            ) : null}
          </li>
        ))}
      </ul>
      <Trouble error={doing.error} />
    </section>
  );
}

function List({ one }: { one: DeploymentShown }) {
  const { deployment } = one;
  const { manifest } = deployment;
  return (
    <section aria-label="List">
      <h3>List</h3>
      {manifest === null ? (
        <p class="soft">It has none yet.</p>
      ) : (
        <>
          <p>
            {count(manifest.people, "person", "people")}, {count(manifest.images, "image")}
            {manifest.volunteers === 0 ? "" : `, of them ${count(manifest.volunteers, "volunteer")}`}
            {manifest.aged === 0 ? "" : `; ${count(manifest.aged, "old image")}`}.{" "}
            {manifest.destroyed_at === null ? null : <strong>Destroyed at {utcDateTime(manifest.destroyed_at)}.</strong>}
          </p>
          <ul class="cameras">
            {Object.entries(manifest.categories).map(([name, people]) => (
              <li key={name}>
                {said(name)}: <span class="num">{people}</span>
              </li>
            ))}
          </ul>
          {manifest.to_review.length === 0 ? null : (
            <p class="tone-warning">{count(manifest.to_review.length, "person waits", "people wait")} for a second approval: under 18, or vulnerable.</p>
          )}
          <p class="hint">
            Made by {who(one, manifest.enrolled_by)}. Digest <span class="mono">{manifest.digest.slice(0, 16)}…</span>
          </p>
        </>
      )}
      {manifest?.destroyed_at != null || !(allowed("seeList") || allowed("planDeployment")) ? null : (
        <div class="actions">
          <a class="button" href={address("deployments", { list: deployment.deployment_id })}>
            {manifest === null ? "Import a list" : "Open the list"}
          </a>
        </div>
      )}
    </section>
  );
}

function Told({ one, choices, onChange }: Shown) {
  const { deployment } = one;
  return (
    <section aria-label="Notice and signs">
      <h3>The public was told</h3>
      {deployment.evidence.length === 0 ? <p class="soft">Not yet. Without notice it is refused: covert use is another regime.</p> : null}
      <ul class="cameras">
        {deployment.evidence.map((each) => (
          <li key={`${each.kind}${each.recorded_at}${each.reference}`}>
            {said(each.kind)} since <span class="num">{utcDateTime(each.since)}</span>
            {each.camera_ids.length === 0 ? "" : `, before ${each.camera_ids.join(", ")}`}
            <span class="soft below">
              {each.reference}; entered by {who(one, each.by)} at {utcDateTime(each.recorded_at)}
            </span>
          </li>
        ))}
      </ul>
      {!isOver(deployment) && allowed("planDeployment") ? <TellForm one={one} choices={choices} onChange={onChange} /> : null}
    </section>
  );
}

function TellForm({ one, choices, onChange }: Shown) {
  const doing = useDoing();
  const [kind, setKind] = useState("public-notice");
  const [reference, setReference] = useState("");
  const [since, setSince] = useState("");
  const cameras = one.deployment.plan.cameras.map((each) => each.camera_id);
  // As a rule signs stand before all cameras; where one has none, a sign that is entered is for that one.
  const unsigned = one.kept_out.filter((each) => each.code === "no-signs").map((each) => each.camera_id);
  const [chosen, setBefore] = useState<readonly string[] | null>(null);
  const before = chosen ?? (unsigned.length === 0 ? cameras : unsigned);
  const names = new Map(choices.cameras.map((camera) => [camera.camera_id, camera.name]));
  const no = reference === "" ? "Give a number, or a photograph’s hash." : kind === "sign" && before.length === 0 ? "Name a camera." : "";
  const enter = async (): Promise<void> => {
    const at = since === "" ? new Date(choices.at).toISOString() : new Date(`${since}Z`).toISOString();
    if (await doing.run(() => tell(one.deployment.deployment_id, kind, at, reference, kind === "sign" ? before : []))) {
      announce("It is entered.");
      setReference("");
      setBefore(null);
    }
    onChange();
  };
  return (
    <details>
      <summary>Enter a notice or a sign</summary>
      <Form doing={doing} verb="Enter it" onSend={enter} why={no}>
        <Picks legend="What" codes={["public-notice", "sign"]} worded={said} value={kind} onChange={setKind} />
        {kind !== "sign" ? null : (
          <fieldset class="picks">
            <legend>Before which cameras</legend>
            {cameras.map((each) => (
              <label key={each} class="pick">
                <input
                  type="checkbox"
                  checked={before.includes(each)}
                  onChange={(event) => setBefore(cameras.filter((other) => (other === each ? event.currentTarget.checked : before.includes(other))))}
                />
                {names.get(each) ?? each}
              </label>
            ))}
          </fieldset>
        )}
        <div class="form inline">
          <Field label="Reference" hint="A notice’s number, or the SHA-256 of a photograph.">
            {(id, hint) => <input id={id} class="mono" aria-describedby={hint} maxLength={80} value={reference} onInput={(event) => setReference(event.currentTarget.value.trim())} />}
          </Field>
          <Field label="Since (UTC)" hint="Left empty: now.">
            {(id, hint) => <input id={id} aria-describedby={hint} type="datetime-local" value={since} onInput={(event) => setSince(event.currentTarget.value)} />}
          </Field>
        </div>
      </Form>
    </details>
  );
}

function Authority({ one }: { one: DeploymentShown }) {
  const { authority, deployment } = one;
  if (authority === null) return null;
  return (
    <section aria-label="Authority">
      <h3>Authority</h3>
      <p>
        {capital(authority.state.replaceAll("-", " "))}
        {deployment.authorised_by === "" ? "" : `, by ${who(one, deployment.authorised_by)}`}, until <span class="num">{utcDateTime(authority.ends_at)}</span>.{" "}
        {allowed("authorisations") ? <a href={address("authorisations", { id: authority.authorisation_id })}>The authorisation</a> : null}
      </p>
      <Decides authority={authority} />
    </section>
  );
}
