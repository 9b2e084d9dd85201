// Recognition deployments: what is planned, what keeps it from starting, what runs, and how it ended.

import { useEffect, useState } from "preact/hooks";
import { type Choices, choices, type DeploymentShown, deployments } from "../api/recognition.ts";
import { count, utcDateTime } from "../format.ts";
import { Button, ForThose, Trouble } from "../parts/controls.tsx";
import { useFresh } from "../parts/fresh.ts";
import { StateWord } from "../parts/marks.tsx";
import { deploymentWord, isOver, said } from "../recognition.ts";
import { address, choose, route } from "../route.ts";
import { allowed } from "../session.ts";
import { DeploymentDetails } from "./Deployment.tsx";
import { Page } from "./Page.tsx";
import { PlanDeployment } from "./PlanDeployment.tsx";
import { WatchlistPage } from "./Watchlist.tsx";

const LEAD =
  "Fixed cameras, in a place and for a time that the public is told about, compared with a list that was made for it. Nothing is looked at without authority that another person gave.";
const AGAIN_MS = 2_000;

export function DeploymentsPage() {
  const { query } = route.value;
  if (query.get("list") !== null) return <WatchlistPage id={query.get("list") ?? ""} />;
  return (
    <Page title="Recognition deployments" lead={LEAD}>
      <ForThose who="seeRecognition">
        <Body />
      </ForThose>
    </Page>
  );
}

/** Counters move while it runs: asked again by itself, feed or none. What is shown and could not be asked again is said to be old. */
export function useAgain<T>(ask: (background: boolean) => Promise<T>): { value: T | null; error: unknown; again: () => void } {
  const { value, error } = useFresh(ask);
  const [later, setLater] = useState<T | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const look = (background: boolean): void => void ask(background).then((found) => (setLater(found), setFailure(null)), setFailure);
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden) look(true);
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return { value: later ?? value, error: failure ?? (later === null ? error : null), again: () => look(false) };
}

function Body() {
  const list = useAgain<DeploymentShown[]>(deployments);
  const asked = useFresh<Choices>(choices);
  const { query } = route.value;
  const chosen = list.value?.find((one) => one.deployment.deployment_id === query.get("id"));
  const plans = query.get("new") !== null;
  const again = query.get("again") === null ? undefined : list.value?.find((one) => one.deployment.deployment_id === query.get("again"));
  return (
    <>
      <div class="tools-line">
        <Legend list={list.value ?? []} />
        <Button look="main" icon="plus" deed="planDeployment" onPress={() => (location.hash = address("deployments", { new: "1" }))}>
          Plan a deployment
        </Button>
      </div>
      <Trouble error={list.error ?? asked.error} />
      <div class="split wide-detail">
        <DeploymentList list={list.value} chosen={query.get("id") ?? ""} />
        <div class="split-detail free">
          {asked.value === null ? null : plans || again !== undefined ? (
            <PlanDeployment key={query.get("again") ?? "new"} choices={asked.value} before={again} onDone={list.again} />
          ) : chosen === undefined ? (
            <p class="soft pad">Choose a deployment to see what it is and what it needs.</p>
          ) : (
            <DeploymentDetails key={chosen.deployment.deployment_id} one={chosen} choices={asked.value} onChange={list.again} />
          )}
        </div>
      </div>
    </>
  );
}

function Legend({ list }: { list: readonly DeploymentShown[] }) {
  const running = list.filter((one) => one.deployment.state === "running").length;
  const coming = list.filter((one) => !isOver(one.deployment)).length - running;
  return (
    <p class="soft" role="status">
      {running === 0 ? "None runs." : `${count(running, "deployment")} runs.`} {count(coming, "more", "more")} planned or stopped.
    </p>
  );
}

function DeploymentList({ list, chosen }: { list: readonly DeploymentShown[] | null; chosen: string }) {
  if (list === null) return <p class="soft">One moment…</p>;
  if (list.length === 0) return <p class="soft">No deployment was planned yet.{allowed("planDeployment") ? "" : " A recognition operator plans one."}</p>;
  return (
    <ul class="rows framed" aria-label="Deployments">
      {list.map((one) => {
        const { deployment } = one;
        const { plan } = deployment;
        return (
          <li key={deployment.deployment_id}>
            <a
              class={`row${chosen === deployment.deployment_id ? " selected" : ""}`}
              href={address("deployments", { id: deployment.deployment_id })}
              aria-current={chosen === deployment.deployment_id ? "true" : undefined}
              onClick={(event) => {
                event.preventDefault();
                choose({ id: deployment.deployment_id, new: "", again: "" });
              }}
            >
              <span class="row-main">
                <strong>{plan.boroughs.join(", ")}</strong>
                <span class="soft below">{said(plan.use_case)}</span>
                <StateWord {...deploymentWord(one)} />
              </span>
              <span class="row-side">
                <span class="num">{utcDateTime(plan.starts_at).slice(0, 16)}</span>
                <span class="soft num below">to {utcDateTime(plan.ends_at).slice(11, 16)}Z</span>
              </span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}
