// People and programs that may come in.

import { useEffect, useState } from "preact/hooks";
import {
  type Account, accounts, createAccount, disableAccount, type IssuedToken, issueToken, PASSWORD_MIN, revokeToken, type ServiceToken, serviceTokens,
} from "../api/deeds.ts";
import { endSessionsOf } from "../api/passkeys.ts";
import { utcDateTime } from "../format.ts";
import { Button, Choice, type Doing, Field, ForThose, Trouble, useDoing } from "../parts/controls.tsx";
import { proved } from "../proof.ts";
import { allowed, session } from "../session.ts";
import { announce } from "../state.ts";
import { roleName, ROLES } from "../words.ts";
import { Page } from "./Page.tsx";

const FOR_PEOPLE = Object.keys(ROLES).filter((role) => role !== "cad");

export function AccountsPage() {
  return (
    <Page title="Accounts" lead="Who may use this operation, and as what. Nothing is deleted: an account that is disabled stays in the record.">
      <ForThose who="accounts">
        <People />
        <Tokens />
      </ForThose>
    </Page>
  );
}

export function NewPassword({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  return (
    <Field label="New password" hint={`At least ${PASSWORD_MIN} characters.`}>
      {(id, hint) => (
        <input
          id={id}
          aria-describedby={hint}
          type="password"
          autocomplete="new-password"
          required
          minLength={PASSWORD_MIN}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** A list from the program, and how to ask for it again. */
export function useList<T>(ask: () => Promise<T[]>): { list: readonly T[] | null; error: unknown; again: () => void } {
  const [list, setList] = useState<readonly T[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const again = (): void => void ask().then(setList, setError);
  useEffect(again, []);
  return { list, error, again };
}

// --- people ---------------------------------------------------------------------------------------------------------------

function People() {
  const { list, error, again } = useList<Account>(accounts);
  const doing = useDoing();
  return (
    <section aria-label="People">
      <h2>People</h2>
      <Trouble error={error ?? doing.error} />
      <div class="table-frame" tabIndex={0} role="region" aria-label="Accounts of people">
        <table class="table stacked">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col">Since</th>
              <th scope="col">State</th>
              <th scope="col">
                <span class="unseen">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {(list ?? []).map((account) => (
              <tr key={account.account_id}>
                <th scope="row">{account.name}</th>
                <td data-name="Role">
                  {roleName(account.role)}
                  {account.by_provider ? <span class="soft"> · by the identity provider</span> : null}
                </td>
                <td data-name="Since" class="num nowrap">{utcDateTime(account.created_at)}</td>
                <td data-name="State">{account.disabled_at === null ? "Active" : `Disabled ${utcDateTime(account.disabled_at)}`}</td>
                <td class="right">
                  {account.disabled_at !== null ? null : (
                    <span class="actions end">
                      <Button
                        onPress={() => void doing.run(() => proved(() => endSessionsOf(account.account_id))).then((done) => (done ? announce(`${account.name} is signed out everywhere`) : undefined))}
                        deed="manage"
                        label={`Sign out ${account.name} everywhere`}
                      >
                        Sign out
                      </Button>
                      <Disable account={account} doing={doing} done={again} />
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {allowed("manage") ? <AddPerson done={again} /> : null}
    </section>
  );
}

/** Asks twice, in its place: the first press arms it. */
function Disable({ account, doing, done }: { account: Account; doing: Doing; done: () => void }) {
  const [armed, setArmed] = useState(false);
  const own = account.account_id === session.value?.account_id ? "This is your own account: ask another supervisor." : "";
  if (!armed) {
    return (
      <Button onPress={() => setArmed(true)} deed="manage" why={own} label={`Disable ${account.name}`}>
        Disable
      </Button>
    );
  }
  const disable = async (): Promise<void> => {
    if (await doing.run(() => proved(() => disableAccount(account.account_id)))) {
      announce(`${account.name} is disabled`);
      done();
    }
    setArmed(false);
  };
  return (
    <span class="actions end">
      <Button onPress={() => setArmed(false)}>Keep</Button>
      <Button onPress={() => void disable()} look="grave" label={`Disable ${account.name} now and end its sessions`}>
        Disable now
      </Button>
    </span>
  );
}

function AddPerson({ done }: { done: () => void }) {
  const doing = useDoing();
  const [name, setName] = useState("");
  const [role, setRole] = useState("dispatcher");
  const [password, setPassword] = useState("");
  const add = async (): Promise<void> => {
    if (!(await doing.run(() => proved(() => createAccount(name, role, password))))) return;
    announce(`${name} has an account`);
    // Whoever went on typing meanwhile keeps what they typed.
    setName((now) => (now === name ? "" : now));
    setPassword((now) => (now === password ? "" : now));
    done();
  };
  return (
    <form
      class="card form inline"
      aria-label="New account"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <h3>New account</h3>
      <Field label="Name">{(id) => <input id={id} autocomplete="off" required maxLength={80} value={name} onInput={(event) => setName(event.currentTarget.value)} />}</Field>
      <Choice label="Role" value={role} onChange={setRole} options={FOR_PEOPLE.map((one) => [one, roleName(one)] as const)} />
      <NewPassword value={password} onChange={setPassword} />
      <button type="submit" class="button main" disabled={doing.busy}>
        Make it
      </button>
      <Trouble error={doing.error} />
    </form>
  );
}

// --- programs -------------------------------------------------------------------------------------------------------------

function Tokens() {
  const { list, error, again } = useList<ServiceToken>(serviceTokens);
  const doing = useDoing();
  const [label, setLabel] = useState("");
  const [issued, setIssued] = useState<IssuedToken | null>(null);
  const issue = async (): Promise<void> => {
    if (await doing.run(async () => setIssued(await proved(() => issueToken(label))))) setLabel((now) => (now === label ? "" : now));
    again();
  };
  return (
    <section aria-label="CAD tokens">
      <h2>CAD tokens</h2>
      <p class="soft">With a token a CAD may take calls in, and see nothing.</p>
      <Trouble error={error ?? doing.error} />
      {issued === null ? null : <Secret issued={issued} onDone={() => setIssued(null)} />}
      {list?.length === 0 ? <p class="soft">There is none yet.</p> : null}
      <div class="table-frame" tabIndex={0} role="region" aria-label="Tokens of programs" hidden={list?.length === 0}>
        <table class="table stacked">
          <thead>
            <tr>
              <th scope="col">Label</th>
              <th scope="col">Role</th>
              <th scope="col">Since</th>
              <th scope="col">State</th>
              <th scope="col">
                <span class="unseen">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {(list ?? []).map((token) => (
              <tr key={token.token_id}>
                <th scope="row">{token.label}</th>
                <td data-name="Role">{roleName(token.role)}</td>
                <td data-name="Since" class="num nowrap">{utcDateTime(token.created_at)}</td>
                <td data-name="State">{token.revoked_at === null ? "Good" : `Ended ${utcDateTime(token.revoked_at)}`}</td>
                <td class="right">
                  {token.revoked_at !== null ? null : (
                    <Button
                      onPress={() => void doing.run(() => proved(() => revokeToken(token.token_id))).then(again)}
                      deed="manage"
                      label={`End the token ${token.label}`}
                    >
                      End it
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!allowed("manage") ? null : (
        <form
          class="card form inline"
          aria-label="New token"
          onSubmit={(event) => {
            event.preventDefault();
            void issue();
          }}
        >
          <h3>New token</h3>
          <Field label="What it is for">
            {(id) => <input id={id} autocomplete="off" required maxLength={80} value={label} onInput={(event) => setLabel(event.currentTarget.value)} />}
          </Field>
          <button type="submit" class="button main" disabled={doing.busy}>
            Make a token
          </button>
        </form>
      )}
    </section>
  );
}

function Secret({ issued, onDone }: { issued: IssuedToken; onDone: () => void }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(issued.secret);
    setCopied(true);
    announce("Copied");
  };
  return (
    <div class="card secret" role="status">
      <h3>The token for {issued.token.label}</h3>
      <p>It is shown this once. Keep it where the CAD’s other secrets are.</p>
      <code class="mono">{issued.secret}</code>
      <div class="actions">
        <Button onPress={() => void copy()} look="main">
          {copied ? "Copied" : "Copy"}
        </Button>
        <Button onPress={onDone}>I have kept it</Button>
      </div>
    </div>
  );
}
