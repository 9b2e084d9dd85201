// An amended plan beside the one that stands: what it changes in words, and both on maps. For whoever decides on it (R2).

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Authorisation } from "../api/authority.ts";
import { type Choices, choices, type DeploymentShown, deployment, type Plan } from "../api/recognition.ts";
import { capital, position, utcDateTime } from "../format.ts";
import { Button, Trouble } from "../parts/controls.tsx";
import { useFresh } from "../parts/fresh.ts";
import { PlacePane } from "../parts/PlacePane.tsx";
import { asLatLon } from "../recognition.ts";
import { allowed, session } from "../session.ts";
import { dialog } from "../state.ts";

/** What an authorisation would change of a deployment; nothing where it is asked for the deployment itself. Its children are told why
 * nobody approves it before that is seen. */
export function AmendmentOf({ authorisation, children }: { authorisation: Authorisation; children: (unseen: string) => ComponentChildren }) {
  const found = useFresh<DeploymentShown>((background) => deployment(authorisation.subject_id, background));
  const asked = useFresh<Choices>(choices);
  const error = found.error ?? asked.error;
  const id = authorisation.authorisation_id;
  const amends = found.value?.deployment.amendment?.authorisation_id === id;
  const shown = found.value !== null && asked.value !== null && amends ? <Amended one={found.value} choices={asked.value} /> : null;
  const seen = shown !== null || found.value?.deployment.authorisation_id === id;
  return (
    <>
      {shown}
      <Trouble error={error} />
      {seen || error !== null ? null : <p class="soft">One moment…</p>}
      {children(seen ? "" : "What it would change is not shown yet.")}
    </>
  );
}

export function Amended({ one, choices: { cameras } }: { one: DeploymentShown; choices: Choices }) {
  const { amendment, plan } = one.deployment;
  if (amendment === null) return null;
  const names = new Map(cameras.map((camera) => [camera.camera_id, camera.name]));
  const changes = one.amended?.changes ?? [];
  return (
    <section class="note waits amended" aria-label="Amended plan">
      <h3>An amended plan waits for authority</h3>
      <p class="soft">Asked for by {one.names[amendment.asked_by] ?? amendment.asked_by}. What it changes:</p>
      <ul class="obstacles">
        {(changes.length === 0 ? ["nothing of the plan"] : changes).map((each) => (
          <li key={each}>
            <strong>{capital(each)}.</strong>
          </li>
        ))}
      </ul>
      <div class="beside">
        <Place title="As it stands" plan={plan} names={names} />
        <Place title="As asked for" plan={amendment.plan} names={names} />
      </div>
    </section>
  );
}

function Place({ title, plan, names }: { title: string; plan: Plan; names: ReadonlyMap<string, string> }) {
  const key = JSON.stringify([plan.zone, plan.cameras]);
  const drawn = useMemo(
    () => ({ zone: plan.zone.map(asLatLon), cameras: plan.cameras.map((each) => ({ ...asLatLon(each.position), name: names.get(each.camera_id) ?? each.camera_id })) }),
    [key],
  );
  return (
    <figure aria-label={title}>
      <figcaption>
        <strong>{title}</strong>
      </figcaption>
      <PlacePane label={`Zone and cameras ${title.toLowerCase()}`} drawn={drawn} onPick={null} />
      <ul class="cameras">
        {plan.cameras.map((each) => (
          <li key={each.camera_id}>
            {names.get(each.camera_id) ?? each.camera_id} <span class="soft num">{position(each.position.latitude_deg, each.position.longitude_deg)}</span>
          </li>
        ))}
      </ul>
      <p class="soft">
        {plan.boroughs.join(", ")}, until <span class="num">{utcDateTime(plan.ends_at)}</span>
      </p>
    </figure>
  );
}

/** Where somebody may decide on what is asked for. */
export function Decides({ authority }: { authority: Authorisation }) {
  if (authority.state !== "requested" || !allowed("authorise")) return null;
  const no = authority.requested_by === session.value?.account_id ? "You asked for it: another officer decides." : "";
  return (
    <div class="actions">
      <Button look="main" why={no} onPress={() => (dialog.value = { kind: "decide", authorisation: authority, allow: true })}>
        Authorise
      </Button>
      <Button look="grave" why={no} onPress={() => (dialog.value = { kind: "decide", authorisation: authority, allow: false })}>
        Refuse
      </Button>
    </div>
  );
}
