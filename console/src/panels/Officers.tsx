// Links for officers on the ground: make one for a named officer, show it as a code to scan, see whose are open, end one.

import { useEffect, useState } from "preact/hooks";
import { encode } from "uqr";
import { makeLink, type OfficerLink, officerLinks, revokeLink } from "../api/officers.ts";
import type { Incident } from "../feed/wire.ts";
import { capital } from "../format.ts";
import { Button, Choice, Field, Trouble, useDoing } from "../parts/controls.tsx";
import { At } from "../parts/times.tsx";
import { allowed } from "../session.ts";

const EVERY_MS = 3_000;
const PURPOSES = ["attending", "searching", "cordon", "command"];
const MINUTES = [15, 30, 60, 120, 240];
const ENDS: Record<string, string> = {
  revoked: "ended by the room", expired: "its time is up", "incident-closed": "the incident was closed", "maker-may-not": "its maker may not give it any more",
};

export function OfficersPanel({ incident }: { incident: Incident }) {
  const [links, setLinks] = useState<readonly OfficerLink[]>([]);
  const [made, setMade] = useState<{ link: OfficerLink; address: string } | null>(null);
  const [asking, setAsking] = useState(false);
  const doing = useDoing();
  const may = allowed("linkOfficers");
  const refresh = (): Promise<void> => officerLinks(incident.id).then(setLinks, () => undefined);
  useEffect(() => {
    if (!may) return undefined;
    void refresh();
    const timer = window.setInterval(() => void refresh(), EVERY_MS);
    return () => window.clearInterval(timer);
  }, [incident.id, may]);
  const standing = links.filter((one) => one.state !== "ended");
  const over = links.length - standing.length;
  if (!may && links.length === 0) return null;
  return (
    <section class="card" aria-label="Officers on the ground">
      <h3>Officers on the ground</h3>
      {made === null || !standing.some((one) => one.link_id === made.link.link_id) ? null : <Made made={made} onDone={() => setMade(null)} />}
      {asking ? (
        <Ask
          onMake={(said) =>
            void doing.run(async () => {
              setMade(await makeLink(incident.id, said));
              setAsking(false);
              await refresh();
            })
          }
          busy={doing.busy}
          onCancel={() => setAsking(false)}
        />
      ) : (
        <div class="actions">
          <Button onPress={() => setAsking(true)} deed="linkOfficers" why={incident.state === "closed" ? "The incident is closed." : ""}>
            Link for an officer…
          </Button>
        </div>
      )}
      <Trouble error={doing.error} />
      {links.length === 0 ? null : (
        <ul class="links" aria-label="Links">
          {standing.map((one) => (
            <Standing key={one.link_id} link={one} onRevoke={() => void doing.run(async () => void (await revokeLink(one.link_id), await refresh()))} />
          ))}
        </ul>
      )}
      {over === 0 ? null : (
        <details class="soft">
          <summary>{over === 1 ? "1 link is over" : `${over} links are over`}</summary>
          <ul class="links">
            {links
              .filter((one) => one.state === "ended")
              .map((one) => (
                <li key={one.link_id}>
                  {one.recipient}, made <At time={one.made_at} /> by {one.made_by}: {ENDS[one.ended] ?? one.ended}
                  {one.devices === 0 ? ", never opened" : ""}
                </li>
              ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Standing({ link, onRevoke }: { link: OfficerLink; onRevoke: () => void }) {
  const where = link.looking > 0 ? "looks now" : link.devices > 0 ? "has opened it" : "has not opened it";
  return (
    <li>
      <div>
        <strong>{link.recipient}</strong> {where}
        <p class="soft">
          {capital(link.purpose)}
          {link.words ? ", with callers' words" : ""}; ends {left(link.expires_at)}
          {link.most_devices > 1 ? `; ${link.devices} of ${link.most_devices} devices` : ""}
        </p>
        {link.turned_away === 0 ? null : (
          <p class="note waits">{`Another device tried to open it (${link.turned_away}×) and was refused. If the officer does not know why, end it and make a new one.`}</p>
        )}
      </div>
      <Button onPress={onRevoke} deed="linkOfficers" look="grave" label={`End the link of ${link.recipient}`}>
        End
      </Button>
    </li>
  );
}

/** By the clock on the wall, which is the officer's: a demo's own may run faster. */
function left(until: number): string {
  const minutes = Math.ceil((until - Date.now()) / 60_000);
  return minutes <= 1 ? "within a minute" : `in ${minutes} minutes`;
}

function Ask({ onMake, onCancel, busy }: { onMake: (said: { recipient: string; purpose: string; minutes: number; devices: number; words: boolean }) => void; onCancel: () => void; busy: boolean }) {
  const [recipient, setRecipient] = useState("");
  const [purpose, setPurpose] = useState(PURPOSES[0] ?? "");
  const [minutes, setMinutes] = useState(60);
  const [devices, setDevices] = useState(1);
  const [words, setWords] = useState(false);
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (recipient.trim() !== "" && !busy) onMake({ recipient: recipient.trim(), purpose, minutes, devices, words });
      }}
    >
      <Field label="Officer" hint="Collar number or call sign: the link is for one person, and it is on record.">
        {(id, hint) => <input id={id} aria-describedby={hint} value={recipient} maxLength={60} required autocomplete="off" onInput={(event) => setRecipient(event.currentTarget.value)} />}
      </Field>
      <Choice label="For" value={purpose} onChange={setPurpose} options={PURPOSES.map((one) => [one, capital(one)] as const)} />
      <Choice label="Ends after" value={minutes} onChange={setMinutes} options={MINUTES.map((one) => [one, `${one} minutes`] as const)} />
      <Field label="Devices" hint="It is bound to the first that open it.">
        {(id, hint) => (
          <select id={id} aria-describedby={hint} value={String(devices)} onChange={(event) => setDevices(Number(event.currentTarget.value))}>
            {[1, 2, 3].map((one) => (
              <option key={one} value={String(one)}>
                {one}
              </option>
            ))}
          </select>
        )}
      </Field>
      <label class="check">
        <input type="checkbox" checked={words} onChange={(event) => setWords(event.currentTarget.checked)} /> Show what callers said
      </label>
      <div class="actions">
        <button type="submit" class="button main" disabled={busy || recipient.trim() === ""}>
          Make the link
        </button>
        <Button onPress={onCancel} look="quiet">
          Cancel
        </Button>
      </div>
    </form>
  );
}

function Made({ made, onDone }: { made: { link: OfficerLink; address: string }; onDone: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <div class="made-link" role="group" aria-label={`The link for ${made.link.recipient}`}>
      <Code text={made.address} label={`Code of the link for ${made.link.recipient}`} />
      <div>
        <p>
          For <strong>{made.link.recipient}</strong>. Have it scanned, or send it by a channel that only they read. It is shown this once.
        </p>
        <div class="actions">
          <Button onPress={() => void navigator.clipboard.writeText(made.address).then(() => setCopied(true), () => undefined)}>{copied ? "Copied" : "Copy the link"}</Button>
          <Button onPress={onDone} look="quiet">
            Done
          </Button>
        </div>
      </div>
    </div>
  );
}

const QUIET = 4; // modules of white around it, as ISO/IEC 18004 asks

/** A QR code, black on white whatever the colours of the page: cameras want it so. */
function Code({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: "M", border: 0 });
  const dark = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return (
    <svg class="code" viewBox={`${-QUIET} ${-QUIET} ${size + 2 * QUIET} ${size + 2 * QUIET}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <rect x={-QUIET} y={-QUIET} width={size + 2 * QUIET} height={size + 2 * QUIET} fill="#ffffff" />
      <path d={dark} fill="#000000" />
    </svg>
  );
}
