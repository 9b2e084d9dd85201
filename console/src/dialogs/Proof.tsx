// The password again, before a grave act goes on.

import { useState } from "preact/hooks";
import { proveAgain } from "../api/authority.ts";
import { Field, Trouble, useDoing } from "../parts/controls.tsx";
import { Modal } from "../parts/modal.tsx";
import { proofAsked } from "../proof.ts";
import { session } from "../session.ts";
import { announce } from "../state.ts";

export function ProofDialog() {
  return proofAsked.value === null ? null : <PasswordAgain />;
}

function PasswordAgain() {
  const doing = useDoing();
  const [password, setPassword] = useState("");
  const cancel = (): void => proofAsked.peek()?.answer(false);
  const prove = async (): Promise<void> => {
    if (!(await doing.run(() => proveAgain(password)))) return setPassword("");
    announce("Proved. The act goes on.");
    proofAsked.peek()?.answer(true);
  };
  return (
    <Modal title="Prove that it is you" onClose={cancel}>
      <form
        class="modal-body"
        onSubmit={(event) => {
          event.preventDefault();
          void prove();
        }}
      >
        <p>This is a grave act: it needs a sign-in, or your password again, within the last five minutes. Then it goes on by itself.</p>
        <input type="text" name="username" autocomplete="username" value={session.value?.name ?? ""} hidden readOnly />
        <Field label="Your password">
          {(id) => (
            <input id={id} type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} data-autofocus />
          )}
        </Field>
        <Trouble error={doing.error} />
        <footer class="modal-foot">
          <button type="button" class="button plain" onClick={cancel}>
            Cancel
          </button>
          <button type="submit" class="button main" disabled={doing.busy || password === ""}>
            {doing.busy ? "One moment…" : "Prove it, and go on"}
          </button>
        </footer>
      </form>
    </Modal>
  );
}
