// The small map in its place; without WebGL a line says so, and everything can be typed.

import { useEffect, useRef, useState } from "preact/hooks";
import type { At, Drawn, PlaceMap } from "../map/place.ts";

export function PlacePane({ label, drawn, onPick, held }: { label: string; drawn: Drawn; onPick: ((at: At) => void) | null; held?: (map: PlaceMap | null) => void }) {
  const host = useRef<HTMLDivElement>(null);
  const map = useRef<PlaceMap | null>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const shown = useRef(drawn);
  shown.current = drawn;
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let here = true;
    import("../map/place.ts").then(
      ({ PlaceMap: Made }) => {
        if (!here || host.current === null) return;
        try {
          map.current = new Made(host.current, label, onPick === null ? null : (at) => pick.current?.(at));
          map.current.show(shown.current);
          held?.(map.current);
        } catch (error) {
          console.error(error);
          setTrouble("This browser cannot draw the map: it needs WebGL 2. Type the corners beside it.");
        }
      },
      () => setTrouble("The map could not be loaded. Type the corners beside it."),
    );
    return () => {
      here = false;
      held?.(null);
      map.current?.remove();
      map.current = null;
    };
  }, []);
  useEffect(() => map.current?.show(drawn), [drawn]);
  return (
    <div class="place-pane">
      <div ref={host} class="map place-map" />
      {trouble === "" ? null : (
        <p class="map-trouble" role="alert">
          {trouble}
        </p>
      )}
    </div>
  );
}
