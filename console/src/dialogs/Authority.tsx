// The word on an authority, its end, and what is done by it: each is asked once more before it is done.

import { useState } from "preact/hooks";
import { type Authorisation, decide, disclose, erase, revoke } from "../api/authority.ts";
import { classOf, groundName, REFUSAL_CODES, refusalName, useCaseName } from "../authority.ts";
import { utcDateTime } from "../format.ts";
import { useDoing } from "../parts/controls.tsx";
import { freshen } from "../parts/fresh.ts";
import { Ask } from "../parts/modal.tsx";
import { disclosed } from "../orders.ts";
import { proved } from "../proof.ts";
import { announce } from "../state.ts";

function About({ one }: { one: Authorisation }) {
  return (
    <dl class="facts">
      <div>
        <dt>Use case</dt>
        <dd>{useCaseName(one.use_case)}</dd>
      </div>
      <div>
        <dt>Ground</dt>
        <dd>{groundName(one.ground)}</dd>
      </div>
      <div>
        <dt>Subject</dt>
        <dd class="mono">{one.subject_id}</dd>
      </div>
      <div>
        <dt>Where</dt>
        <dd>{one.place.boroughs.join(", ")}</dd>
      </div>
      <div>
        <dt>Until</dt>
        <dd class="num">{utcDateTime(one.ends_at)}</dd>
      </div>
    </dl>
  );
}

export function DecideDialog({ one, allow }: { one: Authorisation; allow: boolean }) {
  const doing = useDoing();
  const [because, setBecause] = useState("");
  const title = one.urgent ? (allow ? "Uphold it" : "End it") : allow ? "Approve it" : "Refuse it";
  return (
    <Ask
      title={title}
      grave={!allow}
      doing={doing}
      verb={title}
      ready={allow || because !== ""}
      onConfirm={async () => {
        await proved(() => (allow ? decide(one.authorisation_id, true) : decide(one.authorisation_id, false, because)));
        announce(`${useCaseName(one.use_case)}: ${one.urgent ? (allow ? "upheld" : "ended") : allow ? "approved, in force" : "refused"}`);
        freshen();
      }}
    >
      <About one={one} />
      {allow ? (
        <p>{one.urgent ? "It holds to its end, which stays as it is." : "It is in force from its beginning, signed, and in the record under your account."}</p>
      ) : (
        <fieldset class="picks">
          <legend>Why</legend>
          {REFUSAL_CODES.map((reason, place) => (
            <label key={reason} class="pick">
              <input type="radio" name="because" checked={because === reason} onChange={() => setBecause(reason)} data-autofocus={place === 0 ? true : undefined} />
              {refusalName(reason)}
            </label>
          ))}
        </fieldset>
      )}
    </Ask>
  );
}

export function RevokeDialog({ one }: { one: Authorisation }) {
  const doing = useDoing();
  return (
    <Ask
      title="Revoke it"
      grave
      doing={doing}
      verb="Revoke it"
      ready
      onConfirm={async () => {
        await revoke(one.authorisation_id);
        announce(`${useCaseName(one.use_case)}: revoked`);
        freshen();
      }}
    >
      <About one={one} />
      <p>It ends at once and covers nothing any more. {one.use_case === "legal-hold" ? "What it kept is erased when its period is over." : ""}</p>
    </Ask>
  );
}

const CLASSES = ["incident", "quarantine", "account"] as const;

/** An erasure or a disclosure, by the authority that is in force for it. */
export function OrderDialog({ one }: { one: Authorisation }) {
  const doing = useDoing();
  const guessed = classOf(one.subject_id);
  const [kind, setKind] = useState<string>(guessed ?? "");
  const erases = one.use_case === "erasure";
  const order = async (): Promise<void> => {
    if (erases) {
      const done = await proved(() => erase(kind, one.subject_id));
      announce(done.step === "done" ? `${one.subject_id} is erased` : `The erasure of ${one.subject_id} is ordered`);
    } else {
      disclosed.value = await proved(() => disclose(one.subject_id));
      announce(`What is held of ${one.subject_id} is below`);
    }
    freshen();
  };
  return (
    <Ask
      title={erases ? "Erase it for good" : "Give out what is held"}
      grave={erases}
      doing={doing}
      verb={erases ? "Erase it for good" : "Disclose it"}
      ready={!erases || kind !== ""}
      onConfirm={order}
    >
      <About one={one} />
      {!erases ? (
        <p>Everything held under this id is opened and shown to you. That it was, and by which authority, is in the record first.</p>
      ) : (
        <>
          {guessed !== null ? null : (
            <fieldset class="picks">
              <legend>What it is</legend>
              {CLASSES.map((name) => (
                <label key={name} class="pick">
                  <input type="radio" name="class" checked={kind === name} onChange={() => setKind(name)} />
                  {name}
                </label>
              ))}
            </fieldset>
          )}
          <p>
            Its key is destroyed: no copy of the record, no backup and no bundle can be read again. The order, then the receipt, stay in the record. This
            cannot be undone.
          </p>
        </>
      )}
    </Ask>
  );
}
