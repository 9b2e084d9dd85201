// Who sits here, proved again before a grave act goes on: by password, passkey, or at the identity provider.

import { useState } from "preact/hooks";
import { browserHasPasskeys, proveByPasskey, proveByPassword } from "../api/passkeys.ts";
import { leaveForProvider, notProved } from "../api/provider.ts";
import { Field, Trouble, useDoing } from "../parts/controls.tsx";
import { Modal } from "../parts/modal.tsx";
import { proofAsked } from "../proof.ts";
import { session } from "../session.ts";
import { announce } from "../state.ts";

export function ProofDialog() {
  if (notProved.value !== "") return <NotProved why={notProved.value} />;
  return proofAsked.value === null ? null : <ProveAgain />;
}

function NotProved({ why }: { why: string }) {
  return (
    <Modal title="It was not proved" onClose={() => (notProved.value = "")}>
      <div class="modal-body">
        <p role="alert">{why}</p>
      </div>
    </Modal>
  );
}

function ProveAgain() {
  const doing = useDoing();
  const [password, setPassword] = useState("");
  const proofs = session.value?.proofs ?? ["password"];
  const cancel = (): void => proofAsked.peek()?.answer(false);
  const prove = async (how: () => Promise<unknown>): Promise<void> => {
    if (!(await doing.run(how))) return setPassword("");
    announce("Proved. The act goes on.");
    proofAsked.peek()?.answer(true);
  };
  return (
    <Modal title="Prove that it is you" onClose={cancel}>
      <form
        class="modal-body"
        onSubmit={(event) => {
          event.preventDefault();
          void prove(() => proveByPassword(password));
        }}
      >
        <p>This is a grave act: it needs a sign-in, or another proof, within the last five minutes. Then it goes on by itself.</p>
        {proofs.includes("passkey") && browserHasPasskeys() ? (
          <button type="button" class="button tall" disabled={doing.busy} onClick={() => void prove(proveByPasskey)} data-autofocus>
            Use a passkey
          </button>
        ) : null}
        {proofs.includes("oidc") ? (
          <>
            <button type="button" class="button tall" disabled={doing.busy} onClick={() => void doing.run(() => leaveForProvider("session/proof/oidc"))}>
              Sign in again at the identity provider
            </button>
            <p class="hint">You leave this page and come back to it. Then do the act again.</p>
          </>
        ) : null}
        {proofs.includes("password") ? <PasswordAgain value={password} onChange={setPassword} focus={!proofs.includes("passkey")} /> : null}
        <Trouble error={doing.error} />
        <footer class="modal-foot">
          <button type="button" class="button plain" onClick={cancel}>
            Cancel
          </button>
          {proofs.includes("password") ? (
            <button type="submit" class="button main" disabled={doing.busy || password === ""}>
              {doing.busy ? "One moment…" : "Prove it, and go on"}
            </button>
          ) : null}
        </footer>
      </form>
    </Modal>
  );
}

function PasswordAgain({ value, onChange, focus }: { value: string; onChange: (text: string) => void; focus: boolean }) {
  return (
    <>
      <input type="text" name="username" autocomplete="username" value={session.value?.name ?? ""} hidden readOnly />
      <Field label="Your password">
        {(id) => (
          <input
            id={id}
            type="password"
            autocomplete="current-password"
            required
            value={value}
            onInput={(event) => onChange(event.currentTarget.value)}
            data-autofocus={focus ? "" : undefined}
          />
        )}
      </Field>
    </>
  );
}
