// A deployment's list: who is on it, and how it is imported, row by row. Looking at it is on record.

import { useEffect, useRef, useState } from "preact/hooks";
import {
  beginImport, choices, deployments, finishImport, giveImage, giveUpImport, imageAddress, type Import, type Listed, passed, people, type Quality, review, type Row, takeOff, underWay,
} from "../api/recognition.ts";
import { capital, count } from "../format.ts";
import { Button, Field, ForThose, Trouble, useDoing } from "../parts/controls.tsx";
import { freshen, useFresh } from "../parts/fresh.ts";
import { filesByName, inWords, isOver, lookedAt, qualityWord, said } from "../recognition.ts";
import { address } from "../route.ts";
import { allowed } from "../session.ts";
import { announce } from "../state.ts";
import { Page } from "./Page.tsx";

const LEAD = "Made for this deployment alone, sealed under a key of its own, and destroyed when it is over. That you look at it is in the record.";
const SHOWN = 300;
const RESTS_MS = 5_000;
const COLUMNS = "reference,name,image,category,source,legal_basis,captured_on,risk,under_18,vulnerable";

export function WatchlistPage({ id }: { id: string }) {
  const list = useFresh(deployments);
  const one = list.value?.find((each) => each.deployment.deployment_id === id);
  return (
    <Page title="Watchlist" lead={LEAD}>
      <p>
        <a href={address("deployments", { id })}>Back to the deployment</a>
      </p>
      <Trouble error={list.error} />
      {one === undefined ? null : (
        <>
          {one.deployment.state === "planned" && allowed("planDeployment") ? <ImportList id={id} useCase={one.deployment.plan.use_case} /> : null}
          {one.deployment.manifest === null || isOver(one.deployment) ? (
            <p class="soft">{one.deployment.manifest === null ? "There is no list yet." : "The list is destroyed, or about to be."}</p>
          ) : (
            <ForThose who="seeList">
              <People
                key={one.deployment.manifest.watchlist_id}
                id={id}
                fixed={one.deployment.state !== "planned"}
                cameras={lookedAt(one)}
              />
            </ForThose>
          )}
        </>
      )}
    </Page>
  );
}

// --- importing ------------------------------------------------------------------------------------------------------------

interface Progress {
  readonly done: number;
  readonly of: number;
}

function ImportList({ id, useCase }: { id: string; useCase: string }) {
  const doing = useDoing();
  const csv = useRef<HTMLInputElement>(null);
  const images = useRef<HTMLInputElement>(null);
  const [under, setUnder] = useState<Import | null>(null);
  const [rows, setRows] = useState<ReadonlyMap<number, Row>>(new Map());
  const [progress, setProgress] = useState<Progress | null>(null);
  const [chosen, setChosen] = useState("");
  const [remarked, setRemarked] = useState<readonly Row[] | null>(null);
  const [more, setMore] = useState(false);
  const ending = useDoing();
  const reading = useRef(""); // the import whose images are being read: whoever gives it up ends that
  const gone = useRef(false); // and whoever leaves the page, also while the list itself is on its way
  useEffect(() => () => void (gone.current = true), []);

  const begin = async (): Promise<void> => {
    const file = csv.current?.files?.[0];
    if (file === undefined) return;
    setRemarked(null);
    await doing.run(async () => {
      const made = await beginImport(id, file);
      setUnder(made);
      await read(made, new Map(made.lines.map((row) => [row.line, row])));
    });
  };
  /** The images that are chosen now, each to the line that waits for it. */
  const read = async (made: Import, before: ReadonlyMap<number, Row>): Promise<void> => {
    const files = filesByName([...(images.current?.files ?? [])]);
    const found = new Map(before);
    const givenUp = (): boolean => gone.current || reading.current !== made.import_id;
    reading.current = made.import_id;
    if (givenUp()) return;
    setMore(false);
    setRows(new Map(found));
    const waiting = [...found.values()].filter((row) => row.state === "waits-for-its-image");
    let done = 0;
    for (const row of waiting) {
      const image = files.get(row.image.toLowerCase());
      if (image === undefined) found.set(row.line, { ...row, why: "its image was not among the files that you chose: choose it now, or go on without" });
      else {
        const answer = await giveImage(id, made.import_id, row.line, image).catch((failure: unknown) => {
          if (!givenUp()) throw failure;
        });
        if (answer === undefined || givenUp()) return;
        found.set(row.line, answer);
      }
      done += 1;
      setProgress({ done, of: waiting.length });
      setRows(new Map(found));
    }
    // What was measured of several at once stands with each of them by now.
    for (const row of (await underWay(id, made.import_id)).lines) if (row.state === "ready") found.set(row.line, row);
    setRows(new Map(found));
    announce(`${count(done, "image")} read.`);
  };
  const finish = async (leaveOut: boolean): Promise<void> => {
    if (under === null) return;
    await doing.run(async () => {
      const found = await finishImport(id, under.import_id, leaveOut);
      setRemarked(found);
      setUnder(null);
      setProgress(null);
      announce("The list stands.");
      freshen();
    });
  };
  const giveUp = async (): Promise<void> => {
    if (under === null) return;
    reading.current = "";
    if (!(await ending.run(() => giveUpImport(id, under.import_id)))) return;
    setUnder(null);
    setRows(new Map());
    setProgress(null);
    doing.clear();
    announce("Nothing of it is kept.");
  };

  const all = [...rows.values()].sort((a, b) => a.line - b.line);
  const ready = all.filter((row) => row.state === "ready");
  const bad = all.filter((row) => row.state !== "ready");
  const lacks = all.some((row) => row.state === "waits-for-its-image");
  return (
    <section class="card form" aria-label="Import a list">
      <h2>Import a list</h2>
      <p class="soft">
        A CSV with the columns <code class="mono wraps">{COLUMNS}</code>, and the image files that it names. Nothing stands until you finish; what is not
        needed is not kept of any image.
      </p>
      <Answers useCase={useCase} />
      <div class="form inline">
        <Field label="List (CSV)">
          {(field) => <input id={field} ref={csv} type="file" accept=".csv,text/csv" disabled={under !== null} onChange={(event) => setChosen(event.currentTarget.files?.[0]?.name ?? "")} />}
        </Field>
        <Field label="Images" hint="JPEG, PNG or WebP. Choose all of them at once.">
          {(field, hint) => <input id={field} aria-describedby={hint} ref={images} type="file" multiple accept="image/jpeg,image/png,image/webp" disabled={under !== null && (doing.busy || !lacks)} onChange={() => setMore(under !== null)} />}
        </Field>
      </div>
      <div class="actions">
        {under === null ? (
          <Button look="main" why={chosen === "" ? "Choose a CSV first." : doing.busy ? "One moment." : ""} onPress={() => void begin()}>
            Read it
          </Button>
        ) : (
          <>
            <Button look="main" why={doing.busy ? "Images are being read." : ready.length === 0 ? "No line can be used." : ""} onPress={() => void finish(bad.length > 0)}>
              {bad.length === 0 ? `Make the list of ${count(ready.length, "image")}` : `Make it without the ${count(bad.length, "bad line")}`}
            </Button>
            {lacks && more ? (
              <Button why={doing.busy ? "Images are being read." : ""} onPress={() => void doing.run(() => read(under, rows))}>
                Read these images too
              </Button>
            ) : null}
            <Button look="quiet" onPress={() => void giveUp()}>
              Give it up
            </Button>
          </>
        )}
        {progress === null ? null : (
          <label class="soft">
            {progress.done} of {progress.of} <progress value={progress.done} max={Math.max(1, progress.of)} />
          </label>
        )}
      </div>
      <Trouble error={ending.error ?? doing.error} />
      {all.length === 0 || remarked !== null ? null : <Rows rows={[...bad, ...ready]} />}
      {remarked === null ? null : <Remarked rows={remarked} />}
    </section>
  );
}

/** What may stand in the columns that are closed questions, for what this deployment is for. */
function Answers({ useCase }: { useCase: string }) {
  const asked = useFresh(choices).value;
  const fitting = asked?.use_cases.find((each) => each.use_case === useCase)?.categories ?? [];
  if (asked === null || fitting.length === 0) return null;
  return (
    <details>
      <summary>What may stand in each column</summary>
      <div class="table-frame" tabIndex={0} role="region" aria-label="What may stand in each column">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">category</th>
              <th scope="col">source</th>
              <th scope="col">legal_basis</th>
            </tr>
          </thead>
          <tbody>
            {asked.categories
              .filter((each) => fitting.includes(each.category))
              .map((each) => (
                <tr key={each.category}>
                  <th scope="row" class="mono">
                    {each.category}
                  </th>
                  <td class="mono wraps">{each.sources.join(", ")}</td>
                  <td class="mono wraps">{each.legal_bases.join(", ")}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
      <p class="hint">
        <span class="mono">captured_on</span>: a day, as <span class="mono">2026-11-23</span>. <span class="mono">risk</span>: {asked.risks.join(", ")}.{" "}
        <span class="mono">under_18</span> and <span class="mono">vulnerable</span>: yes or no. Lines with the same <span class="mono">reference</span> are images of one
        person.
      </p>
    </details>
  );
}

/** What OFIQ says of an image, where the operator has it: the standard's score, and what it is made of. */
function Ofiq({ quality }: { quality: Quality }) {
  const components = Object.entries(quality.ofiq_components);
  if (components.length === 0) return null;
  return (
    <details class="ofiq below">
      <summary>OFIQ {quality.ofiq === null ? "could not assess it" : Math.round(quality.ofiq)}</summary>
      <dl>
        {components.map(([name, value]) => (
          <div key={name}>
            <dt>{inWords(name)}</dt>
            <dd class="num">{value === null ? "–" : Math.round(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function Remarked({ rows }: { rows: readonly Row[] }) {
  if (rows.length === 0) return <p role="status">The list stands. No image is like somebody else’s, or unlike the person’s others.</p>;
  return (
    <div role="status">
      <p>
        <strong>The list stands. Look at these {count(rows.length, "line")}:</strong> a machine compared the images; a person decides.
      </p>
      <Rows rows={rows} />
    </div>
  );
}

function Rows({ rows }: { rows: readonly Row[] }) {
  return (
    <div class="table-frame tall" tabIndex={0} role="region" aria-label="Results of each line">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Line</th>
            <th scope="col">Image</th>
            <th scope="col">Result</th>
            <th scope="col">Quality</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, SHOWN).map((row) => (
            <tr key={row.line}>
              <th scope="row" class="num">
                {row.line}
              </th>
              <td class="wraps">{row.image}</td>
              <td>
                {row.state === "ready" ? "Ready" : <span class="tone-alarm">{capital(row.why || "waits for its image")}</span>}
                {row.remarks.map((remark) => (
                  <span key={remark} class="tone-warning below">
                    {capital(remark)}
                  </span>
                ))}
              </td>
              <td class="num nowrap">
                {row.quality === null ? "–" : `${Math.round(row.quality.unified)}, ${qualityWord(row.quality.unified)}`}
                {row.quality === null ? null : <Ofiq quality={row.quality} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > SHOWN ? <p class="soft pad">And {rows.length - SHOWN} more lines, all ready.</p> : null}
    </div>
  );
}

// --- who is on it ---------------------------------------------------------------------------------------------------------

/** A pass cannot be taken back, so that one press notes one: the button rests after it. */
function Pass({ id, one, camera }: { id: string; one: Listed; camera: string }) {
  const doing = useDoing();
  const [noted, setNoted] = useState(false);
  const note = async (): Promise<void> => {
    if (!(await doing.run(() => passed(id, one.person_id, camera)))) return;
    announce("The pass is noted.");
    freshen();
    setNoted(true);
    window.setTimeout(() => setNoted(false), RESTS_MS);
  };
  return (
    <>
      <Button label={`${one.name} walks past ${camera} now`} why={doing.busy ? "One moment." : noted ? "Just noted." : ""} onPress={() => void note()}>
        Walks past {camera} now
      </Button>
      <Trouble error={doing.error} />
    </>
  );
}

/** `cameras`: those that are looked at now, past which a volunteer may walk. */
function People({ id, fixed, cameras }: { id: string; fixed: boolean; cameras: readonly string[] }) {
  const doing = useDoing();
  const [listed, setListed] = useState<readonly Listed[] | null>(null);
  const [wanted, setWanted] = useState("");
  const ask = (): void => void doing.run(async () => setListed(await people(id)));
  useEffect(ask, []);
  const text = wanted.trim().toLowerCase();
  const shown = listed?.filter((one) => text === "" || `${one.reference} ${one.name} ${said(one.category)}`.toLowerCase().includes(text)) ?? [];
  const order = [...shown].sort((a, b) => Number(b.waits_for_review) - Number(a.waits_for_review));
  const act = (work: () => Promise<unknown>, says: string): void =>
    void doing.run(async () => {
      await work();
      announce(says);
      freshen();
      setListed(await people(id));
    });
  return (
    <section aria-label="People on the list">
      <h2>{listed === null ? "One moment…" : count(listed.length, "person", "people")}</h2>
      <Field label="Find somebody">{(field) => <input id={field} type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />}</Field>
      <Trouble error={doing.error} />
      <ul class="listed">
        {order.slice(0, SHOWN).map((one) => (
          <li key={one.person_id} class="card listed-person">
            <div class="faces">
              {one.images.slice(0, 3).map((image, number) => (
                <figure key={number}>
                  <img src={imageAddress(id, one.person_id, number)} alt={`Image ${number + 1} of ${one.name}`} loading="lazy" width="96" height="96" />
                  <figcaption class="soft small">
                    {Math.round(image.quality.unified)}, {qualityWord(image.quality.unified)}
                    {image.aged ? "; old" : ""}
                    <Ofiq quality={image.quality} />
                  </figcaption>
                </figure>
              ))}
            </div>
            <div>
              <h3>{one.name}</h3>
              <p class="soft mono">{one.reference}</p>
              <p>{said(one.category)}</p>
              {one.risk === "none-known" ? null : <p class="tone-warning">{said(one.risk)}</p>}
              {one.under_18 || one.vulnerable ? (
                <p class="tone-warning">
                  {one.under_18 ? "Under 18" : ""}
                  {one.under_18 && one.vulnerable ? ", " : ""}
                  {one.vulnerable ? "Vulnerable" : ""}
                  {one.waits_for_review ? ": waits for a second approval" : ": approved by a second person"}
                </p>
              ) : null}
              <p class="soft small">
                {[...new Set(one.images.map((image) => `${said(image.source)}, ${said(image.legal_basis)}, ${image.captured_on}`))].join("; ")}
              </p>
              <div class="actions">
                {one.waits_for_review && allowed("reviewListing") ? (
                  <>
                    <Button look="main" onPress={() => act(() => review(id, one.person_id, true), "Approved.")}>
                      Approve
                    </Button>
                    <Button look="grave" onPress={() => act(() => review(id, one.person_id, false), "Taken off.")}>
                      Take off
                    </Button>
                  </>
                ) : null}
                {one.category === "volunteer" && allowed("runDeployment")
                  ? cameras.map((camera) => <Pass key={camera} id={id} one={one} camera={camera} />)
                  : null}
                {!fixed && !one.waits_for_review && allowed("planDeployment") ? (
                  <Button look="quiet" label={`Take off the list: ${one.name}`} onPress={() => act(() => takeOff(id, one.person_id), "Taken off.")}>
                    Take off the list
                  </Button>
                ) : null}
              </div>
            </div>
          </li>
        ))}
      </ul>
      {order.length > SHOWN ? <p class="soft">And {order.length - SHOWN} more: find one above.</p> : null}
    </section>
  );
}
