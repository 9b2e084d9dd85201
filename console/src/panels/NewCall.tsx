// A call taken down by hand. The map stays usable beside it: a click on it says where.

import { useEffect, useRef, useState } from "preact/hooks";
import { takeCall } from "../api/deeds.ts";
import { incidents } from "../feed/store.ts";
import { parsePosition, position } from "../format.ts";
import { Button, Field, ForThose, Trouble, useDoing } from "../parts/controls.tsx";
import { GradeMark, Icon } from "../parts/marks.tsx";
import { announce, newCall, picking, select, stepBack } from "../state.ts";
import { GRADE_NAMES, GRADES, type Grade } from "../words.ts";

const USUAL_CATEGORIES = [
  "Burglary in progress", "Disturbance", "Knife seen", "Missing person", "Road traffic collision", "Robbery", "Stolen vehicle",
  "Suspicious circumstances", "Violence against the person", "Person in water", "Alarm activation", "Fire",
];
const TEXT_MAX = 10_000;
const CATEGORY_MAX = 100;

export function NewCall() {
  const [grade, setGrade] = useState<Grade>("I");
  const [category, setCategory] = useState("");
  const [text, setText] = useState("");
  const [typed, setTyped] = useState<string | null>(null);
  const doing = useDoing();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("input:checked")?.focus(), []);

  const clicked = picking.value?.purpose === "call" ? picking.value.at : null;
  const place = typed === null ? clicked : parsePosition(typed);
  const shown = typed ?? (clicked === null ? "" : position(clicked.lat, clicked.lon));
  const missing = category.trim() === "" ? "Say what it is about." : place === null ? "Say where: click the map or type it." : "";

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (missing !== "" || place === null) return;
    const call = { grade, category: category.trim(), latitude: place.lat, longitude: place.lon, text: text.trim() };
    await doing.run(async () => {
      const opened = await takeCall(call);
      announce(`The call is taken: ${GRADE_NAMES[grade]}, ${call.category}`);
      newCall.value = false;
      picking.value = null;
      if (incidents.peek().has(opened.id)) select({ kind: "incident", id: opened.id });
      else waitFor(opened.id);
    });
  };

  return (
    <div class="details">
      <header class="details-head">
        <div>
          <p class="kind">999</p>
          <h2>New call</h2>
        </div>
        <button type="button" class="button quiet only-icon" aria-label="Close this panel (Esc)" onClick={() => stepBack()}>
          <Icon name="close" />
        </button>
      </header>
      <div class="details-body">
        <ForThose who="report">
          <form ref={form} class="form" onSubmit={(event) => void submit(event)}>
            <fieldset class="grades">
              <legend>Grade</legend>
              {GRADES.map((one) => (
                <label key={one} class="grade-choice">
                  <input type="radio" name="grade" value={one} checked={grade === one} onChange={() => setGrade(one)} />
                  <GradeMark grade={one} hollow={grade !== one} size={22} />
                  {GRADE_NAMES[one]}
                </label>
              ))}
            </fieldset>
            <Field label="What it is about">
              {(id) => (
                <>
                  <input
                    id={id}
                    list={`${id}-usual`}
                    maxLength={CATEGORY_MAX}
                    autocomplete="off"
                    required
                    value={category}
                    onInput={(event) => setCategory(event.currentTarget.value)}
                  />
                  <datalist id={`${id}-usual`}>
                    {USUAL_CATEGORIES.map((one) => (
                      <option key={one} value={one} />
                    ))}
                  </datalist>
                </>
              )}
            </Field>
            <Field label="Where" hint="Click the map, or type latitude, longitude. On the map, Enter takes its middle.">
              {(id, hint) => (
                <input
                  id={id}
                  aria-describedby={hint}
                  autocomplete="off"
                  required
                  placeholder="51.5432, −0.1020"
                  value={shown}
                  onInput={(event) => {
                    const value = event.currentTarget.value;
                    setTyped(value);
                    picking.value = { purpose: "call", at: parsePosition(value) };
                  }}
                  onBlur={() => (typed !== null && parsePosition(typed) !== null ? setTyped(null) : undefined)}
                />
              )}
            </Field>
            <Field label="What the caller says" hint="Personal data: only what is needed.">
              {(id, hint) => (
                <textarea id={id} aria-describedby={hint} rows={4} maxLength={TEXT_MAX} value={text} onInput={(event) => setText(event.currentTarget.value)} />
              )}
            </Field>
            <Trouble error={doing.error} />
            <div class="actions end">
              <Button onPress={() => stepBack()}>Cancel</Button>
              <button type="submit" class="button main" aria-disabled={missing === "" && !doing.busy ? undefined : "true"} title={missing}>
                {doing.busy ? "Sending…" : "Take the call"}
              </button>
            </div>
          </form>
        </ForThose>
      </div>
    </div>
  );
}

/** Show an incident as soon as the feed has it. */
function waitFor(id: string): void {
  const end = incidents.subscribe((known) => {
    if (!known.has(id)) return;
    select({ kind: "incident", id });
    queueMicrotask(() => end());
  });
  setTimeout(() => end(), 5_000);
}
