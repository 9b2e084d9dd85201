// What a deployment's cameras see: every face is hidden that raised no alert. That somebody looks is on record, so it is asked for.

import { useEffect, useState } from "preact/hooks";
import { type CameraShown, cameras, view } from "../api/recognition.ts";
import { utcTime } from "../format.ts";
import { Button } from "../parts/controls.tsx";
import { useAgain } from "./Deployments.tsx";

const EVERY_MS = 350;

export function Street({ deployment }: { deployment: string }) {
  const { value: shown } = useAgain<CameraShown[]>((background) => cameras(deployment, background));
  const [watched, setWatched] = useState("");
  if (shown === null || shown.length === 0) return null;
  return (
    <section aria-label="Cameras">
      <h3>Cameras</h3>
      <p class="soft">Faces are hidden that raised no alert. That you look is on record.</p>
      <ul class="cameras">
        {shown.map((one) => (
          <li key={one.camera_id} class="actions">
            <span>
              {one.name}: {one.state}
              {one.trouble === "" || one.state === "live" ? "" : `, ${one.trouble}`}
            </span>
            <Button look="quiet" label={`${watched === one.camera_id ? "Stop looking" : "Look"} through ${one.name}`} onPress={() => setWatched(watched === one.camera_id ? "" : one.camera_id)}>
              {watched === one.camera_id ? "Stop looking" : "Look"}
            </Button>
          </li>
        ))}
      </ul>
      {watched === "" ? null : <Hidden key={watched} deployment={deployment} camera={watched} name={shown.find((one) => one.camera_id === watched)?.name ?? watched} />}
    </section>
  );
}

/** The newest picture again and again; none is kept here longer than it is shown. */
function Hidden({ deployment, camera, name }: { deployment: string; camera: string; name: string }) {
  const [seen, setSeen] = useState<{ address: string; at: string } | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let over = false;
    let address = "";
    const next = async (): Promise<void> => {
      try {
        const picture = await view(deployment, camera);
        if (over) return;
        setTrouble("");
        if (picture !== null) {
          const before = address;
          address = URL.createObjectURL(picture.image);
          setSeen({ address, at: picture.at });
          if (before !== "") setTimeout(() => URL.revokeObjectURL(before), EVERY_MS);
        }
      } catch (error) {
        if (over) return;
        setTrouble(error instanceof Error ? error.message : "no picture");
      }
      if (!over) timer = window.setTimeout(() => void next(), EVERY_MS);
    };
    let timer = window.setTimeout(() => void next(), 0);
    return () => {
      over = true;
      clearTimeout(timer);
      if (address !== "") URL.revokeObjectURL(address);
    };
  }, [deployment, camera]);
  return (
    <figure class="street">
      {seen === null ? <p class="soft">{trouble === "" ? "Waiting for the first picture…" : `No picture: ${trouble}.`}</p> : <img src={seen.address} alt={`What ${name} sees, faces hidden that raised no alert`} />}
      {seen === null ? null : (
        <figcaption class="soft">
          {name}, {utcTime(Date.parse(seen.at))} UTC{trouble === "" ? "" : `; no newer picture: ${trouble}`}
        </figcaption>
      )}
    </figure>
  );
}
