// The way in: signing in, and the first account of an operation.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { PASSWORD_MIN } from "../api/deeds.ts";
import { browserHasPasskeys, signInWays, type Ways } from "../api/passkeys.ts";
import { leaveForProvider } from "../api/provider.ts";
import { type Doing, Field, Trouble, useDoing } from "../parts/controls.tsx";
import { forgetAddress } from "../route.ts";
import { resume, setUp, signIn, signInWithPasskey, whyOut } from "../session.ts";

function Gate({ title, children }: { title: string; children: ComponentChildren }) {
  const host = useRef<HTMLElement>(null);
  useEffect(() => host.current?.querySelector("input")?.focus(), []); // there is nothing else to do here
  return (
    <main class="gate" id="main" ref={host}>
      <div class="gate-card">
        <p class="brand">
          <Mark /> Bowstreet
        </p>
        <h1>{title}</h1>
        {children}
      </div>
      <p class="soft gate-foot">Every sign-in and every act is recorded.</p>
    </main>
  );
}

export function Mark() {
  return (
    <svg class="brand-mark" width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 3 28 28 16 22.5 4 28Z" />
    </svg>
  );
}

export function SignInPage() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const doing = useDoing();
  return (
    <Gate title="Sign in">
      {whyOut.value === "" ? null : (
        <p class="note" role="status">
          {whyOut.value}
        </p>
      )}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void doing.run(() => signIn(name, password));
        }}
      >
        <Field label="Name">
          {(id) => <input id={id} name="username" autocomplete="username" required value={name} onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <Field label="Password">
          {(id) => (
            <input
              id={id}
              name="password"
              type="password"
              autocomplete="current-password"
              required
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <Trouble error={doing.error} />
        <button type="submit" class="button main tall" disabled={doing.busy}>
          {doing.busy ? "One moment…" : "Sign in"}
        </button>
      </form>
      <OtherWays doing={doing} />
    </Gate>
  );
}

/** What else there is at this address. A passkey that cannot work here is not offered, and it is said why. */
function OtherWays({ doing }: { doing: Doing }) {
  const [ways, setWays] = useState<Ways | null>(null);
  useEffect(() => void signInWays().then(setWays, () => undefined), []); // without an answer there is the password
  if (ways === null) return null;
  const passkeys = ways.passkeys && browserHasPasskeys();
  return (
    <div class="other-ways" role="group" aria-label="Other ways to sign in">
      {passkeys ? (
        <button type="button" class="button tall" disabled={doing.busy} onClick={() => void doing.run(signInWithPasskey)}>
          Sign in with a passkey
        </button>
      ) : null}
      {ways.provider === "" ? null : (
        <button type="button" class="button tall" disabled={doing.busy} onClick={() => void doing.run(() => leaveForProvider("session/oidc"))}>
          Sign in with {ways.provider}
        </button>
      )}
      {ways.passkeys ? null : <p class="soft small">{ways.why_no_passkeys}</p>}
    </div>
  );
}

/** `token` comes from the link that the program printed at its first start. */
export function SetupPage({ token }: { token: string }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [given, setGiven] = useState(token);
  const doing = useDoing();
  const short = password.length > 0 && password.length < PASSWORD_MIN;
  const differs = again.length > 0 && again !== password;
  const submit = async (): Promise<void> => {
    if (await doing.run(() => setUp(given.trim(), name, password))) forgetAddress();
  };
  return (
    <Gate title="Make the first account">
      <p class="soft">It is a supervisor’s: it can make the others. The link works once.</p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!short && again === password) void submit();
        }}
      >
        {token === "" ? (
          <Field label="Token" hint="From the link that the program printed when it started.">
            {(id, hint) => <input id={id} aria-describedby={hint} autocomplete="off" required value={given} onInput={(event) => setGiven(event.currentTarget.value)} />}
          </Field>
        ) : null}
        <Field label="Your name" hint="As colleagues know you.">
          {(id, hint) => (
            <input id={id} aria-describedby={hint} name="username" autocomplete="username" required maxLength={80} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          )}
        </Field>
        <Field label="Password" hint={`At least ${PASSWORD_MIN} characters: three or four unrelated words will do.`}>
          {(id, hint) => (
            <input
              id={id}
              aria-describedby={hint}
              aria-invalid={short}
              type="password"
              autocomplete="new-password"
              required
              minLength={PASSWORD_MIN}
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Password again">
          {(id) => (
            <input id={id} aria-invalid={differs} type="password" autocomplete="new-password" required value={again} onInput={(event) => setAgain(event.currentTarget.value)} />
          )}
        </Field>
        {differs ? (
          <p class="trouble" role="alert">
            The two passwords differ.
          </p>
        ) : null}
        <Trouble error={doing.error} />
        <button type="submit" class="button main tall" disabled={doing.busy || differs || short}>
          {doing.busy ? "One moment…" : "Make the account"}
        </button>
      </form>
    </Gate>
  );
}

export function UnreachablePage() {
  const doing = useDoing();
  return (
    <Gate title="The program does not answer">
      <p class="soft">It may have been stopped, or the network is down.</p>
      <button type="button" class="button main tall" disabled={doing.busy} onClick={() => void doing.run(resume)}>
        Try again
      </button>
    </Gate>
  );
}
