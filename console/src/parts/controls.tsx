// Buttons and fields. What a person may not do is shown, cannot be pressed, and says why.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { REASON_MAX } from "../api/deeds.ts";
import { capital } from "../format.ts";
import { allowed, type Deed, whyNot } from "../session.ts";
import { Icon, type IconName } from "./marks.tsx";
import { type Act, Turns } from "./turns.ts";

export interface ButtonProps {
  readonly onPress: () => void;
  readonly children: ComponentChildren;
  readonly deed?: Deed;
  readonly why?: string; // why it cannot be done now, if it cannot
  readonly look?: "plain" | "main" | "grave" | "quiet";
  readonly shortcut?: string;
  readonly icon?: IconName;
  readonly pressed?: boolean;
  readonly label?: string;
}

export function Button({ onPress, children, deed, why, look = "plain", shortcut, icon, pressed, label }: ButtonProps) {
  const id = useId();
  const no = (deed === undefined ? "" : whyNot(deed)) || why || "";
  return (
    <>
      <button
        type="button"
        class={`button ${look}`}
        aria-disabled={no === "" ? undefined : "true"}
        aria-describedby={no === "" ? undefined : id}
        aria-keyshortcuts={shortcut}
        aria-pressed={pressed}
        aria-label={label}
        title={no || (shortcut === undefined ? label : `${label ?? ""} (${shortcut})`.trim())}
        onClick={() => (no === "" ? onPress() : undefined)}
      >
        {icon === undefined ? null : <Icon name={icon} />}
        {children}
        {shortcut === undefined || no !== "" ? null : <kbd aria-hidden="true">{shortcut}</kbd>}
      </button>
      {no === "" ? null : (
        <span id={id} class="unseen">
          {no}
        </span>
      )}
    </>
  );
}

/** Its children for those who may; for others one line that says who may. */
export function ForThose({ who, children }: { who: Deed; children: ComponentChildren }) {
  return allowed(who) ? <>{children}</> : <p class="soft">{whyNot(who)}</p>;
}

export function Field({ label, hint, children }: { label: string; hint?: string; children: (id: string, hintId: string | undefined) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hint === undefined ? undefined : `${id}-hint`)}
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** One of a few, each with its words. */
export function Choice<T extends string | number>({ label, hint, value, onChange, options }: {
  label: string;
  hint?: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly (readonly [T, string])[];
}) {
  return (
    <Field label={label} {...(hint === undefined ? {} : { hint })}>
      {(id, hintId) => (
        <select
          id={id}
          aria-describedby={hintId}
          value={String(value)}
          onChange={(event) => {
            const chosen = options.find(([each]) => String(each) === event.currentTarget.value);
            if (chosen !== undefined) onChange(chosen[0]);
          }}
        >
          {options.map(([each, words]) => (
            <option key={String(each)} value={String(each)}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A reason for the record, with the usual ones at hand. */
export function ReasonField({ value, onChange, usual }: { value: string; onChange: (text: string) => void; usual: readonly string[] }) {
  return (
    <>
      <Field label="Reason" hint="Kept in the record.">
        {(id, hint) => (
          <textarea
            id={id}
            aria-describedby={hint}
            rows={2}
            maxLength={REASON_MAX}
            required
            value={value}
            onInput={(event) => onChange(event.currentTarget.value)}
            data-autofocus
          />
        )}
      </Field>
      <div class="chips" role="group" aria-label="Usual reasons">
        {usual.map((text) => (
          <button type="button" class="chip" onClick={() => onChange(text)}>
            {text}
          </button>
        ))}
      </div>
    </>
  );
}

/** What went wrong, and what to do about it. */
export function Trouble({ error }: { error: unknown }) {
  if (error === null || error === undefined) return null;
  const problem = error instanceof Problem ? error : new Problem(0, { title: "It did not work", detail: String(error) });
  return (
    <div class="trouble" role="alert">
      <strong>{problem.title}</strong>
      <p>
        {sentence(problem.message)} {problem.remedy === "" ? null : <span class="soft">{sentence(problem.remedy)}</span>}
      </p>
      {problem.rule === "" ? null : (
        <p class="soft rule-id">
          {problem.rule.includes(",") ? "Rules" : "Rule"} of the policy: <span class="mono">{problem.rule.replaceAll(",", ", ")}</span>
        </p>
      )}
    </div>
  );
}

function sentence(text: string): string {
  const whole = capital(text);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

export interface Doing {
  readonly busy: boolean;
  readonly error: unknown;
  readonly run: (act: () => Promise<unknown>) => Promise<boolean>;
  readonly clear: () => void;
}

export interface Orders {
  readonly busy: boolean;
  readonly error: unknown;
  /** Of one `kind` only the last that waits is given. False where it failed or another took its place. */
  readonly give: (kind: string, act: Act) => Promise<boolean>;
}

/** A pilot's orders: one that is given while another is under way is not dropped, but sent after it. */
export function useOrders(): Orders {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const turns = useRef(new Turns());
  const given = useRef(0);
  const give = async (kind: string, act: Act): Promise<boolean> => {
    if (given.current === 0) setError(null); // a refusal stays to be read while what was given after it is sent
    given.current += 1;
    setBusy(true);
    const done = await turns.current.ask(kind, () =>
      act().catch((failure: unknown) => {
        setError(failure);
        throw failure;
      }),
    );
    given.current -= 1;
    setBusy(given.current > 0);
    return done;
  };
  return { busy, error, give };
}

/** One request at a time, and its error; what is pressed meanwhile does nothing, so its button says that it is busy. */
export function useDoing(): Doing {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);
  const run = async (act: () => Promise<unknown>): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setError(null);
    try {
      await act();
      return true;
    } catch (failure) {
      if (here.current) setError(failure);
      return false;
    } finally {
      if (here.current) setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(null) };
}
