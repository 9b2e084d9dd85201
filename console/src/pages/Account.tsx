// One's own account: password, passkeys, and where one is signed in.

import { useState } from "preact/hooks";
import { changePassword } from "../api/deeds.ts";
import { browserHasPasskeys, endSession, makePasskey, namePasskey, type OpenSession, type PasskeyOf, passkeys, removePasskey, sessions, signInWays, type Ways } from "../api/passkeys.ts";
import { utcDateTime } from "../format.ts";
import { Button, type Doing, Field, Trouble, useDoing } from "../parts/controls.tsx";
import { proved } from "../proof.ts";
import { askAgain, resume, session } from "../session.ts";
import { announce } from "../state.ts";
import { NewPassword, useList } from "./Accounts.tsx";
import { Page } from "./Page.tsx";

const HOW: Record<string, string> = { password: "Password", passkey: "Passkey", oidc: "Identity provider", setup: "First start’s link" };

export function AccountPage() {
  return (
    <Page title="Your account" lead={`You are signed in as ${session.value?.name ?? ""}. Every change here is recorded.`}>
      <Passkeys />
      <Sessions />
      {session.value?.proofs.includes("password") ? <Password /> : null}
    </Page>
  );
}

function Password() {
  const doing = useDoing();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  return (
    <details class="card">
      <summary>Change your password</summary>
      <form
        class="form inline"
        onSubmit={(event) => {
          event.preventDefault();
          void doing.run(() => changePassword(old, fresh)).then((done) => (done ? resume() : undefined));
        }}
      >
        <input type="text" name="username" autocomplete="username" value={session.value?.name ?? ""} hidden readOnly />
        <Field label="Password now">
          {(id) => <input id={id} type="password" autocomplete="current-password" required value={old} onInput={(event) => setOld(event.currentTarget.value)} />}
        </Field>
        <NewPassword value={fresh} onChange={setFresh} />
        <button type="submit" class="button main" disabled={doing.busy}>
          Change it, and sign in again
        </button>
        <Trouble error={doing.error} />
      </form>
    </details>
  );
}

// --- passkeys ----------------------------------------------------------------------------------------------------------------

function Passkeys() {
  const { list, error, again } = useList<PasskeyOf>(passkeys);
  const ways = useList<Ways>(async () => [await signInWays()]).list?.[0];
  const doing = useDoing();
  const changed = (): void => {
    again();
    void askAgain();
  };
  return (
    <section aria-label="Passkeys">
      <h2>Passkeys</h2>
      <p class="soft">A passkey is kept by a device, which asks for your finger, face or PIN. It cannot be phished, and works at this address alone.</p>
      <Trouble error={error ?? doing.error} />
      {list?.length === 0 ? <p class="soft">You have none yet.</p> : null}
      <ul class="own-list">
        {(list ?? []).map((one) => (
          <OnePasskey key={one.passkey_id} one={one} doing={doing} done={changed} />
        ))}
      </ul>
      {ways === undefined ? null : ways.passkeys && browserHasPasskeys() ? (
        <AddPasskey done={changed} />
      ) : (
        <p class="note">{ways.why_no_passkeys === "" ? "This browser has no passkeys." : ways.why_no_passkeys}</p>
      )}
    </section>
  );
}

function OnePasskey({ one, doing, done }: { one: PasskeyOf; doing: Doing; done: () => void }) {
  const [label, setLabel] = useState<string | null>(null);
  const rename = async (): Promise<void> => {
    if (label !== null && (await doing.run(() => namePasskey(one.passkey_id, label)))) {
      setLabel(null);
      done();
    }
  };
  const remove = async (): Promise<void> => {
    if (await doing.run(() => proved(() => removePasskey(one.passkey_id)))) {
      announce(`${one.label} is removed`);
      done();
    }
  };
  return (
    <li class="card own">
      {label === null ? (
        <div>
          <strong>{one.label}</strong>
          <p class="soft small">
            Made {utcDateTime(one.made_at)}, {one.used_at === null ? "not used yet" : `last used ${utcDateTime(one.used_at)}`}, at {one.host}
          </p>
          {one.stopped_at === null ? null : <p class="trouble">Stopped {utcDateTime(one.stopped_at)}: it looks copied. Remove it, and make another.</p>}
        </div>
      ) : (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void rename();
          }}
        >
          <Field label="Name">{(id) => <input id={id} required maxLength={80} value={label} onInput={(event) => setLabel(event.currentTarget.value)} />}</Field>
        </form>
      )}
      <span class="actions end">
        {label === null ? (
          <Button onPress={() => setLabel(one.label)} label={`Rename ${one.label}`}>
            Rename
          </Button>
        ) : (
          <>
            <Button onPress={() => setLabel(null)}>Cancel</Button>
            <Button onPress={() => void rename()} look="main">
              Keep the name
            </Button>
          </>
        )}
        <Button onPress={() => void remove()} look="grave" label={`Remove ${one.label}`}>
          Remove
        </Button>
      </span>
    </li>
  );
}

function AddPasskey({ done }: { done: () => void }) {
  const doing = useDoing();
  const [label, setLabel] = useState("");
  const add = async (): Promise<void> => {
    if (!(await doing.run(() => proved(() => makePasskey(label))))) return;
    announce(`${label} is added`);
    setLabel("");
    done();
  };
  return (
    <form
      class="card form inline"
      aria-label="New passkey"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <h3>New passkey</h3>
      <Field label="Name" hint="Such as the device: desk key, own phone.">
        {(id, hint) => <input id={id} aria-describedby={hint} autocomplete="off" required maxLength={80} value={label} onInput={(event) => setLabel(event.currentTarget.value)} />}
      </Field>
      <button type="submit" class="button main" disabled={doing.busy}>
        {doing.busy ? "Ask the device…" : "Make it"}
      </button>
      <Trouble error={doing.error} />
    </form>
  );
}

// --- sessions ----------------------------------------------------------------------------------------------------------------

function Sessions() {
  const { list, error, again } = useList<OpenSession>(sessions);
  const doing = useDoing();
  const end = async (one: OpenSession): Promise<void> => {
    if (await doing.run(() => endSession(one.session_id))) announce("That session is ended");
    again();
  };
  return (
    <section aria-label="Where you are signed in">
      <h2>Where you are signed in</h2>
      <Trouble error={error ?? doing.error} />
      <ul class="own-list">
        {(list ?? []).map((one) => (
          <li key={one.session_id} class="card own">
            <div>
              <strong>{HOW[one.how] ?? one.how}</strong>
              <p class="soft small">
                Since {utcDateTime(one.opened_at)}, last used {utcDateTime(one.used_at)}
              </p>
            </div>
            {one.here ? (
              <span class="soft">This one</span>
            ) : (
              <Button onPress={() => void end(one)} label={`End the session since ${utcDateTime(one.opened_at)}`}>
                End it
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
