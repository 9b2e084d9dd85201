// Planning a deployment, or moving its cameras. Every question is closed; the zone is drawn or typed.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { amend, type Choices, type DeploymentShown, plan, planAgain, type PlanAsked } from "../api/recognition.ts";
import { parsePosition, position } from "../format.ts";
import type { At, PlaceMap } from "../map/place.ts";
import { Button, Field, useDoing } from "../parts/controls.tsx";
import { Form, Picks } from "../parts/form.tsx";
import { Icon } from "../parts/marks.tsx";
import { PlacePane } from "../parts/PlacePane.tsx";
import { areaOf, asLatLon, cornersOf, said } from "../recognition.ts";
import { address } from "../route.ts";
import { announce } from "../state.ts";

const MOST_AREA_M2 = 1_000_000;
const field = (at: number): string => new Date(at).toISOString().slice(0, 16);
const asUtc = (text: string): number => Date.parse(`${text}Z`);

export function PlanDeployment({ choices, before, onDone }: { choices: Choices; before: DeploymentShown | undefined; onDone: () => void }) {
  const doing = useDoing();
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  // What waits for authority is where cameras stand by now: moving another goes on from there.
  const old = before?.deployment.amendment?.plan ?? before?.deployment.plan;
  const moves = before !== undefined && before.deployment.state !== "planned";
  const [useCase, setUseCase] = useState(old?.use_case ?? "");
  const [basis, setBasis] = useState(old?.location_basis ?? "");
  const [startsAt, setStartsAt] = useState(field(old?.starts_at ?? choices.at));
  const [endsAt, setEndsAt] = useState(field(old?.ends_at ?? choices.at + 4 * 3_600_000));
  const [threshold, setThreshold] = useState(String(old?.threshold ?? Math.max(0.5, choices.floor ?? 0.5)));
  const [zone, setZone] = useState<readonly At[]>(old?.zone.map(asLatLon) ?? []);
  const [cameras, setCameras] = useState<ReadonlyMap<string, At | null>>(new Map(old?.cameras.map((each) => [each.camera_id, asLatLon(each.position)]) ?? []));
  const [placing, setPlacing] = useState("");
  const map = useRef<PlaceMap | null>(null);
  const terms = choices.use_cases.find((each) => each.use_case === useCase);
  const names = new Map(choices.cameras.map((camera) => [camera.camera_id, camera.name]));
  const drawn = useMemo(
    () => ({ zone, cameras: [...cameras].flatMap(([id, at]) => (at === null ? [] : [{ ...at, name: names.get(id) ?? id }])) }),
    [zone, cameras],
  );
  const pick = (at: At): void => {
    if (placing === "") return setZone([...zone, at]);
    setCameras(new Map([...cameras, [placing, at]]));
    setPlacing("");
  };
  const no = missing();

  function missing(): string {
    if (useCase === "") return "Say what it is for.";
    if (basis === "") return "Say why here.";
    if (zone.length < 3) return "Draw the zone: three corners at least.";
    if (areaOf(zone) > MOST_AREA_M2) return "The zone is larger than a square kilometre.";
    if (cameras.size === 0) return "Choose a camera.";
    if ([...cameras.values()].includes(null)) return "Place every camera that is chosen.";
    if (!(asUtc(endsAt) > asUtc(startsAt))) return "The window ends before it begins.";
    if (asUtc(endsAt) - asUtc(startsAt) > choices.most_window_s * 1000) return `At most ${choices.most_window_s / 3600} hours.`;
    if (!(Number(threshold) >= (choices.floor ?? 2))) return `The threshold is below the model’s floor, ${choices.floor ?? "not known"}.`;
    return "";
  }

  const send = async (): Promise<void> => {
    const asked: PlanAsked = {
      use_case: useCase, location_basis: basis, zone: zone.map(({ lat, lon }) => ({ lat, lon })), threshold: Number(threshold),
      starts_at: moves && old ? new Date(old.starts_at).toISOString() : new Date(asUtc(startsAt)).toISOString(),
      ends_at: moves && old ? new Date(old.ends_at).toISOString() : new Date(asUtc(endsAt)).toISOString(),
      cameras: [...cameras].flatMap(([camera_id, at]) => (at === null ? [] : [{ camera_id, lat: at.lat, lon: at.lon }])),
    };
    await doing.run(async () => {
      const id = before?.deployment.deployment_id;
      const made = id === undefined ? await plan(asked) : moves ? await amend(id, asked) : await planAgain(id, asked);
      announce(moves ? "Moved cameras are not looked at until it is authorised." : "It is planned.");
      onDone();
      location.hash = address("deployments", { id: made.deployment.deployment_id });
    });
  };

  return (
    <Form look="card plan" label="Plan a deployment" doing={doing} verb={moves ? "Ask for the amended authority" : "Plan it"} onSend={send} why={no}>
      <header class="card-title">
        <h2 ref={head} tabIndex={-1}>
          {moves ? "Move cameras" : before === undefined ? "Plan a deployment" : "Change the plan"}
        </h2>
        <a class="button quiet only-icon" href={address("deployments", { id: before?.deployment.deployment_id ?? "" })} aria-label="Close, back to the list">
          <Icon name="close" />
        </a>
      </header>
      {moves ? (
        <p class="note waits">
          <strong>A camera that stands elsewhere needs new authority.</strong> Those that you move are not looked at until an officer gives it; the others go on.
          What it is for, its threshold and its start are locked.
        </p>
      ) : (
        <>
          <fieldset class="picks">
            <legend>What for</legend>
            {choices.use_cases.map((each) => (
              <label key={each.use_case} class="pick">
                <input
                  type="radio"
                  name="use-case"
                  checked={useCase === each.use_case}
                  onChange={() => {
                    setUseCase(each.use_case);
                    if (!each.location_bases.includes(basis)) setBasis("");
                  }}
                />
                <span>
                  {said(each.use_case)}
                  <span class="soft below">On its list: {each.categories.map((name) => said(name).toLowerCase()).join("; ")}</span>
                </span>
              </label>
            ))}
          </fieldset>
          {terms === undefined ? null : (
            <Picks legend="Why here" codes={terms.location_bases} worded={said} value={basis} onChange={setBasis} />
          )}
          <div class="form inline">
            <Field label="From (UTC)">
              {(id) => <input id={id} type="datetime-local" required value={startsAt} onInput={(event) => setStartsAt(event.currentTarget.value)} />}
            </Field>
            <Field label="Until (UTC)" hint={`At most ${choices.most_window_s / 3600} hours.`}>
              {(id, hint) => <input id={id} aria-describedby={hint} type="datetime-local" required value={endsAt} onInput={(event) => setEndsAt(event.currentTarget.value)} />}
            </Field>
            <Field label="Threshold" hint={`Similarity, at least the model’s floor of ${choices.floor ?? "–"}. Higher: fewer false alerts, more missed.`}>
              {(id, hint) => (
                <input id={id} aria-describedby={hint} type="number" min={choices.floor ?? 0} max={1} step="0.01" required value={threshold} onInput={(event) => setThreshold(event.currentTarget.value)} />
              )}
            </Field>
          </div>
        </>
      )}
      <section aria-label="Zone and cameras" class="placing">
        <h3>Zone and cameras</h3>
        <p class="hint" role="status">
          {placing === "" ? "Click the map to set the corners of the zone in order, or type them below." : `Click where ${names.get(placing) ?? placing} stands.`}
        </p>
        <PlacePane label="Map to draw the zone on" drawn={drawn} onPick={pick} held={(made) => (map.current = made)} />
        <div class="actions">
          <Button onPress={() => map.current !== null && pick(map.current.centre())}>{placing === "" ? "Corner at the map’s middle" : "Place at the map’s middle"}</Button>
          <Button look="quiet" why={zone.length === 0 ? "There is no corner yet." : ""} onPress={() => setZone(zone.slice(0, -1))}>
            Take back the last corner
          </Button>
          {placing === "" ? null : (
            <Button look="quiet" onPress={() => setPlacing("")}>
              Cancel
            </Button>
          )}
        </div>
        <Corners zone={zone} onChange={setZone} />
        <CameraPicks choices={choices} cameras={cameras} placing={placing} onPlace={setPlacing} onChange={setCameras} />
      </section>
    </Form>
  );
}

function Corners({ zone, onChange }: { zone: readonly At[]; onChange: (next: readonly At[]) => void }) {
  const [text, setText] = useState<string | null>(null);
  const shown = text ?? zone.map((at) => position(at.lat, at.lon)).join("\n");
  const found = cornersOf(shown, parsePosition);
  return (
    <Field label="Corners" hint={found === null ? "A line is no place: write latitude, longitude." : "One a line: latitude, longitude (WGS 84)."}>
      {(id, hint) => (
        <textarea
          id={id}
          class="mono"
          aria-describedby={hint}
          aria-invalid={found === null}
          rows={4}
          value={shown}
          onInput={(event) => {
            const typed = event.currentTarget.value;
            setText(typed);
            const corners = cornersOf(typed, parsePosition);
            if (corners !== null) onChange(corners);
          }}
          onBlur={() => setText(null)}
        />
      )}
    </Field>
  );
}

interface Picks {
  readonly choices: Choices;
  readonly cameras: ReadonlyMap<string, At | null>;
  readonly placing: string;
  readonly onPlace: (camera: string) => void;
  readonly onChange: (next: ReadonlyMap<string, At | null>) => void;
}

function CameraPicks({ choices, cameras, placing, onPlace, onChange }: Picks) {
  if (choices.cameras.length === 0) return <p class="soft">No fixed camera is configured: see [recognition] in the configuration.</p>;
  return (
    <fieldset class="picks">
      <legend>Cameras</legend>
      {choices.cameras.map((camera) => {
        const at = cameras.get(camera.camera_id);
        return (
          <div key={camera.camera_id} class="camera-pick">
            <label class="pick">
              <input
                type="checkbox"
                checked={at !== undefined}
                onChange={(event) => {
                  const next = new Map(cameras);
                  if (event.currentTarget.checked) next.set(camera.camera_id, camera.position === null ? null : asLatLon(camera.position));
                  else next.delete(camera.camera_id);
                  onChange(next);
                }}
              />
              <span>
                {camera.name}
                <span class="soft below num">{at === undefined ? camera.camera_id : at === null ? "not placed yet" : position(at.lat, at.lon)}</span>
              </span>
            </label>
            {at === undefined ? null : (
              <Button look="quiet" pressed={placing === camera.camera_id} label={`Place ${camera.name}`} onPress={() => onPlace(placing === camera.camera_id ? "" : camera.camera_id)}>
                Place
              </Button>
            )}
          </div>
        );
      })}
    </fieldset>
  );
}
