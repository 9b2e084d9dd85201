// A form as every page has it: its questions, what went wrong, the one button that sends it, and beside that why it cannot be sent yet.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { type Doing, Trouble } from "./controls.tsx";

export interface FormProps {
  readonly doing: Doing;
  readonly verb: string;
  readonly onSend: () => Promise<unknown>;
  readonly children: ComponentChildren;
  readonly label?: string;
  readonly look?: string; // beside "form"
  readonly grave?: boolean;
  /** Why it cannot be sent yet; "" when it can. */
  readonly why?: string;
  /** What stands beside the button. */
  readonly beside?: ComponentChildren;
}

export function Form({ doing, verb, onSend, children, label, look = "", grave = false, why = "", beside }: FormProps) {
  return (
    <form
      class={`form ${look}`.trim()}
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        if (why === "" && !doing.busy) void onSend();
      }}
    >
      {children}
      <Trouble error={doing.error} />
      <div class="actions">
        <button type="submit" class={`button ${grave ? "grave" : "main"}`} disabled={why !== "" || doing.busy}>
          {doing.busy ? "Sending…" : verb}
        </button>
        {beside}
        <span class="soft" role="status">
          {why}
        </span>
      </div>
    </form>
  );
}

export interface PicksProps {
  readonly legend: string;
  readonly codes: readonly string[];
  readonly worded: (code: string) => string;
  readonly value: string;
  readonly onChange: (code: string) => void;
  readonly tall?: boolean;
}

/** A closed question: one answer of a few, each in words. */
export function Picks({ legend, codes, worded, value, onChange, tall = false }: PicksProps) {
  const name = useId();
  return (
    <fieldset class={tall ? "picks tall" : "picks"}>
      <legend>{legend}</legend>
      {codes.map((code) => (
        <label key={code} class="pick">
          <input type="radio" name={name} checked={value === code} onChange={() => onChange(code)} />
          {worded(code)}
        </label>
      ))}
    </fieldset>
  );
}
