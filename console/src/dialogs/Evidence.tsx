// Footage of an incident, given out: which recordings, to whom; then the file, once it is on record and put together.

import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { bundleAddress, type Copies, type Export, exportOf, type Kept, keptOf, orderEvidence } from "../api/evidence.ts";
import { capital, count, duration, utcDateTime } from "../format.ts";
import { Button, Field, Trouble, useDoing } from "../parts/controls.tsx";
import { closeDialog, Modal } from "../parts/modal.tsx";
import { proved } from "../proof.ts";
import { address } from "../route.ts";
import { allowed, whyNot } from "../session.ts";
import { announce, dialog } from "../state.ts";

const RECIPIENTS = ["prosecutor", "court", "police-force", "oversight-body", "aviation-authority", "emergency-service", "data-subject"] as const;
const ASK_MS = 1_000;

/** Opens the dialog; for wherever footage of an incident is listed. */
export function EvidenceButton({ incident, recording = "" }: { incident: string; recording?: string }) {
  return (
    <Button deed="disclose" onPress={() => (dialog.value = { kind: "evidence", incident, recording })}>
      Export footage…
    </Button>
  );
}

/** `recording`: the one that is chosen at first; all when none is named. */
export function EvidenceDialog({ incident, recording }: { incident: string; recording: string }) {
  const [kept, setKept] = useState<readonly Kept[] | null>(null);
  const [made, setMade] = useState<Export | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    keptOf(incident).then(setKept, setFailure);
  }, []);
  return (
    <Modal title="Export footage as evidence" wide>
      {made !== null ? (
        <Making made={made} onChange={setMade} />
      ) : kept === null ? (
        <div class="modal-body">{failure === null ? <p class="soft">Asking…</p> : <Trouble error={failure} />}</div>
      ) : kept.length === 0 ? (
        <div class="modal-body">
          <p>No footage of this incident is kept: none was recorded, or its period is over and it was erased.</p>
        </div>
      ) : (
        <Choose incident={incident} kept={kept} first={recording} onMade={setMade} />
      )}
    </Modal>
  );
}

interface ChooseProps {
  readonly incident: string;
  readonly kept: readonly Kept[];
  readonly first: string;
  readonly onMade: (made: Export) => void;
}

function Choose({ incident, kept, first, onMade }: ChooseProps) {
  const doing = useDoing();
  const list = useRef<HTMLFieldSetElement>(null);
  useEffect(() => list.current?.querySelector("input")?.focus(), []); // the list came after the dialog was opened
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(kept.filter((one) => first === "" || one.recording_id === first).map((one) => one.recording_id)));
  const [recipient, setRecipient] = useState("");
  const [copies, setCopies] = useState<Copies>("original");
  const picked = kept.filter((one) => chosen.has(one.recording_id));
  const without = picked.filter((one) => one.redacted !== "ready");
  const fits = picked.length > 0 && (copies === "original" || without.length === 0);
  const order = async (): Promise<void> => {
    const wanted = picked.map((one) => one.recording_id);
    onMade(await proved(() => orderEvidence(incident, wanted, recipient, copies)));
  };
  const turn = (id: string): void => setChosen((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]));
  const needsAuthority = doing.error instanceof Problem && doing.error.rule.includes("authority-first");
  return (
    <form
      class="modal-body"
      onSubmit={(event) => {
        event.preventDefault();
        if (fits) void doing.run(order);
      }}
    >
      <p>
        Footage is given out with everything that proves it: a file that anybody can check elsewhere. It needs an authorisation for disclosure that covers this incident; who gave out what, to whom and why is in the record before the first byte.
      </p>
      <fieldset class="picks" ref={list}>
        <legend>Recordings</legend>
        {kept.map((one) => (
          <label key={one.recording_id} class="pick">
            <input type="checkbox" checked={chosen.has(one.recording_id)} onChange={() => turn(one.recording_id)} />
            <span>
              {one.vehicle_id}, <span class="num">{utcDateTime(one.started_at)}</span>, {lasted(one)}, <span class="num">{megabytes(one.octets)}</span>
              <span class="soft">
                {" "}
                · {keptFor(one)}
                {REDACTED[one.redacted]}
              </span>
            </span>
          </label>
        ))}
      </fieldset>
      <fieldset class="picks">
        <legend>Which copy</legend>
        {COPIES.map(([each, name, says]) => (
          <label key={each} class="pick">
            <input type="radio" name="copies" checked={copies === each} onChange={() => setCopies(each)} />
            <span>
              {name} <span class="soft">{says}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <div role="status">{copies === "original" ? null : <Lacking those={without} />}</div>
      <Field label="To whom" hint="Unless you choose, whom the authorisation's ground is about. Their name stands in the authorisation's file.">
        {(id, hint) => (
          <select id={id} aria-describedby={hint} value={recipient} onChange={(event) => setRecipient(event.currentTarget.value)}>
            <option value="">As the authorisation says</option>
            {RECIPIENTS.map((one) => (
              <option key={one} value={one}>
                {capital(one.replaceAll("-", " "))}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Trouble error={doing.error} />
      {needsAuthority && allowed("request") ? (
        <p>
          <a href={address("authorisations", { new: "1", for: "disclosure", subject: incident })} onClick={closeDialog}>
            Request authority for it
          </a>
        </p>
      ) : null}
      <footer class="modal-foot">
        <button type="button" class="button plain" onClick={closeDialog}>
          Cancel
        </button>
        <button type="submit" class="button main" disabled={!fits || doing.busy || !allowed("disclose")} title={whyNot("disclose")}>
          {doing.busy ? "One moment…" : "Export it"}
        </button>
      </footer>
    </form>
  );
}

function Making({ made, onChange }: { made: Export; onChange: (made: Export) => void }) {
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    if (made.state !== "preparing") return announce(made.state === "ready" ? "The file is ready" : "It could not be put together");
    const timer = window.setTimeout(() => exportOf(made.export_id).then((now) => onChange({ ...now }), setFailure), ASK_MS);
    return () => clearTimeout(timer);
  }, [made]);
  return (
    <div class="modal-body">
      {made.state === "preparing" ? (
        <p role="status">It is read through and put together. You may close this; then order it again.</p>
      ) : made.state === "failed" ? (
        <div class="trouble" role="alert">
          <strong>It could not be put together</strong>
          <p>{capital(made.problem)}.</p>
        </div>
      ) : (
        <>
          <p role="status">
            {WHICH[made.copies]} It is in the record, and ready until <span class="num">{utcDateTime(made.until)}</span>: {count(made.files.length + 2, "file")},{" "}
            <span class="num">{megabytes(made.octets)}</span>.
          </p>
          <p>
            <a class="button main" href={bundleAddress(made.export_id)} download={`${made.export_id}.zip`}>
              Save {made.export_id}.zip
            </a>
          </p>
          <p>
            In it, <span class="mono">certificate.html</span> is the page to print. Whoever receives it checks it with{" "}
            <span class="mono">bowstreet audit verify {made.export_id}.zip</span>.
          </p>
        </>
      )}
      <Trouble error={failure} />
      <footer class="modal-foot">
        <button type="button" class="button plain" onClick={closeDialog}>
          Close
        </button>
      </footer>
    </div>
  );
}

const COPIES: readonly (readonly [Copies, string, string])[] = [
  ["original", "As received.", "Byte for byte as it came; whoever is in the pictures is to be seen."],
  ["redacted", "The redacted copy instead.", "Heads and plates covered for good. The original stays sealed; its hashes go along, so that a court can check of what it was made."],
  ["both", "Both, side by side.", "For who may see the original, and is to pass on the copy."],
];
const WHICH: Record<Copies, string> = { original: "", redacted: "The redacted copy, not the original.", both: "The original and the redacted copy." };
const REDACTED: Record<Kept["redacted"], string> = { none: "", ready: " · has a redacted copy", stale: " · its redacted copy is out of date" };

/** Recordings whose copy cannot be given out, and what to do about it. */
function Lacking({ those }: { those: readonly Kept[] }) {
  const [first, second] = those;
  if (first === undefined) return null;
  const what =
    second !== undefined
      ? `${count(those.length, "recording")} of those chosen have no redacted copy that is up to date.`
      : first.redacted === "stale"
        ? "What its redacted copy covers was changed after it was made."
        : "No redacted copy of it was made yet.";
  return (
    <p>
      {what} Open{" "}
      <a href={address("footage", { recording: first.recording_id })} onClick={closeDialog}>
        {second === undefined ? "the recording" : "the first of them"}
      </a>{" "}
      and have it made.
    </p>
  );
}

const lasted = (one: Kept): string => (one.closed_at === null ? "still going on" : `lasted ${duration((one.closed_at - one.started_at) / 1000)}`);
const megabytes = (octets: number): string => (octets < 100_000 ? `${Math.ceil(octets / 1000)} kB` : `${(octets / 1e6).toFixed(1)} MB`);

function keptFor(one: Kept): string {
  if (one.held) return "held by a legal hold";
  return one.kept_until === null ? "kept while it runs" : `kept until ${utcDateTime(one.kept_until)}`;
}
