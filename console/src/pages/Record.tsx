// The record: how far it goes, who vouches for it, and how anybody checks it without trusting whoever runs this.

import { useState } from "preact/hooks";
import { type LedgerRecord, record } from "../api/authority.ts";
import { ledger } from "../feed/store.ts";
import { utcDateTime } from "../format.ts";
import { Button, Trouble } from "../parts/controls.tsx";
import { useFresh } from "../parts/fresh.ts";
import { StateWord } from "../parts/marks.tsx";
import { allowed, session } from "../session.ts";
import { announce } from "../state.ts";
import { Page } from "./Page.tsx";

const LEAD = "Every act stands in one ledger whose root covers all of it. What was signed of it cannot be changed unseen. It does not prove that everything was entered.";

export function RecordPage() {
  const { value, error } = useFresh<LedgerRecord>(record);
  return (
    <Page title="The record" lead={LEAD}>
      <Trouble error={error} />
      {session.value?.role === "regulator" ? <ForRegulators /> : null}
      {value === null ? error === null ? <p class="soft">Asking…</p> : null : <Body kept={value} />}
    </Page>
  );
}

function ForRegulators() {
  return (
    <p class="note">
      You see everything here and change nothing. The <a href="#/">operation</a>, the{" "}
      <a href="#/authorisations">authorities</a>, <a href="#/retention">what is kept, and what went</a>, the <a href="#/quarantine">reports in quarantine</a>, the{" "}
      <a href="#/accounts">accounts</a>, <a href="#/occurrences">occurrences</a>, <a href="#/deployments">recognition deployments with their lists</a> and{" "}
      <a href="#/alerts">alerts</a> are open to you.
    </p>
  );
}

function Body({ kept }: { kept: LedgerRecord }) {
  return (
    <>
      <section aria-label="How far it goes">
        <h2>How far it goes</h2>
        <Figures kept={kept} />
        <Copied name="Root now" text={ledger.value?.root ?? kept.root} />
      </section>
      <Checkpoint kept={kept} />
      <InForce kept={kept} />
      <Checking kept={kept} />
    </>
  );
}

function Figures({ kept }: { kept: LedgerRecord }) {
  const size = ledger.value?.size ?? kept.size;
  const signed = kept.checkpoint?.size ?? 0;
  return (
    <dl class="figures wide">
      <div>
        <dt>Entries</dt>
        <dd class="num big">{size.toLocaleString("en-GB")}</dd>
      </div>
      <div>
        <dt>Signed and published</dt>
        <dd class="num big">{signed.toLocaleString("en-GB")}</dd>
      </div>
      <div>
        <dt>Waiting for the next checkpoint</dt>
        <dd class="num big">{Math.max(0, size - signed).toLocaleString("en-GB")}</dd>
      </div>
    </dl>
  );
}

function Checkpoint({ kept }: { kept: LedgerRecord }) {
  const latest = kept.checkpoint;
  return (
    <section aria-label="Latest checkpoint">
      <h2>Latest checkpoint</h2>
      {latest === null ? (
        <p class="soft">None is published yet.</p>
      ) : (
        <>
          <pre class="raw whole" tabIndex={0} aria-label="The signed checkpoint">
            {latest.note}
          </pre>
          {latest.witnesses.length === 0 ? (
            <p class="soft">No witness is asked to sign: until one is, only who keeps older checkpoints can tell that history was not rewritten.</p>
          ) : (
            <ul class="witnesses">
              {latest.witnesses.map((one) => (
                <li key={one.key}>
                  {one.signed_at === null ? <StateWord label="Has not signed this one" tone="warning" /> : <StateWord label={`Signed ${utcDateTime(one.signed_at)}`} tone="ok" />}{" "}
                  <span class="mono wraps">{one.name}</span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
      <p>
        Open to everybody, without signing in: <a href="log/checkpoint">the checkpoint</a>, <a href="log/key">the key</a>, the tiles at <span class="mono">/log/tile/…</span> (C2SP
        tlog-tiles), and <a href="public">what the public is told</a>.
      </p>
    </section>
  );
}

function InForce({ kept }: { kept: LedgerRecord }) {
  return (
    <section aria-label="In force by it">
      <h2>In force by it</h2>
      <dl class="facts">
        <div>
          <dt>Policy</dt>
          <dd>
            {kept.policy}, SHA-256 <span class="mono wraps">{kept.policy_digest}</span>
          </dd>
        </div>
        <div>
          <dt>Retention table</dt>
          <dd>
            {kept.retention}, SHA-256 <span class="mono wraps">{kept.retention_digest}</span>
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Checking({ kept }: { kept: LedgerRecord }) {
  const from = new URL(".", document.baseURI).href.replace(/\/$/, "");
  return (
    <section aria-label="Check it yourself">
      <h2>Check it yourself</h2>
      <p class="soft lead">Take the key from somebody you trust, not from this page alone.</p>
      <Copied name="The log’s key" text={kept.key} />
      <ol class="steps">
        <li>
          <p>From outside, as a witness: shows that there is one history for all. It needs no account here.</p>
          <Copied name="Witness" text={`bowstreet audit witness --name regulator.example/witness --log '${kept.key}'`} />
          <Copied name="Verify from outside" text={`bowstreet audit verify --log ${from}/log --key '${kept.key}' --save last.checkpoint`} />
          <Copied name="Latest checkpoint" text={`curl -s ${from}/log/checkpoint`} />
        </li>
        <li>
          <p>A bundle of the whole ledger; whoever has the file needs nothing else.</p>
          {allowed("log") ? (
            <p>
              <a class="button" href="api/v1/audit/bundle" download="ledger.bundle">
                Save the ledger as a file
              </a>{" "}
              <span class="soft">That you took it is in the record, and in the file.</span>
            </p>
          ) : null}
          <Copied name="Made where its data are" text="bowstreet audit export --data bowstreet-data --out ledger.bundle" />
          <Copied name="Verify" text={`bowstreet audit verify ledger.bundle --key '${kept.key}'`} />
        </li>
        {allowed("authorisations") ? (
          <li>
            <p>
              One authority, from its page under <a href="#/authorisations">Authority</a>.
            </p>
            <Copied name="Verify a document" text={`bowstreet authority verify AUTHORISATION.txt --key '${kept.key}'`} />
          </li>
        ) : null}
      </ol>
    </section>
  );
}

/** A line to be taken elsewhere. */
function Copied({ name, text }: { name: string; text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    announce(`${name}: copied`);
  };
  return (
    <div class="copied">
      <span class="hint">{name}</span>
      <code class="mono">{text}</code>
      <Button onPress={() => void copy()} label={`Copy: ${name}`}>
        {copied ? "Copied" : "Copy"}
      </Button>
    </div>
  );
}
