// Over the picture: what is covered in the copy, and the part that somebody is about to cover, drawn by mouse or by keys.

import { useRef } from "preact/hooks";
import { type Covering, moved } from "./covering.ts";

const STEP_PX = 4;

export function Covers({ covering }: { covering: Covering }) {
  const said = covering.standing.value;
  const start = useRef<{ x: number; y: number } | null>(null);
  if (!said || said.width_px === 0) return null;
  const [w, h] = [said.width_px, said.height_px];
  const task = covering.task.value;
  const box = covering.box.value;
  const place = (event: PointerEvent): { x: number; y: number } => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    return { x: ((event.clientX - frame.left) / frame.width) * w, y: ((event.clientY - frame.top) / frame.height) * h };
  };
  const drawn = (event: PointerEvent): void => {
    const from = start.current;
    if (from === null) return;
    const to = place(event);
    covering.setBox({ left: from.x, top: from.y, right: to.x, bottom: to.y });
  };
  return (
    <svg
      class={`covers${task === "cover" ? " draws" : ""}`}
      viewBox={`0 0 ${w} ${h}`}
      preserveAspectRatio="none"
      onPointerDown={(event) => {
        if (task !== "cover" || event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = place(event);
      }}
      onPointerMove={drawn}
      onPointerUp={(event) => {
        drawn(event);
        start.current = null;
      }}
    >
      <g aria-hidden="true">
        {covering.now().map((one, n) => (
          <rect
            key={`${one.region_id} ${n}`}
            class={`cover ${one.kind}${covering.preview.value ? " filled" : ""}${covering.lifted.value === one.region_id && task === "lift" ? " chosen" : ""}`}
            x={one.left}
            y={one.top}
            width={one.right - one.left}
            height={one.bottom - one.top}
            onClick={() => (task === "cover" ? undefined : covering.startLifting(one.region_id))}
          />
        ))}
      </g>
      {task === "cover" ? (
        <rect
          class="cover-new"
          role="application"
          tabindex={0}
          data-own-keys
          aria-label="Part to cover. Arrow keys move it; with Shift they make it larger or smaller."
          x={box.left}
          y={box.top}
          width={box.right - box.left}
          height={box.bottom - box.top}
          onKeyDown={(event) => {
            const by = { ArrowLeft: [-STEP_PX, 0], ArrowRight: [STEP_PX, 0], ArrowUp: [0, -STEP_PX], ArrowDown: [0, STEP_PX] }[event.key];
            if (by === undefined) return;
            event.preventDefault();
            const [x = 0, y = 0] = by;
            const now = covering.box.peek(); // keys come faster than the picture is drawn
            covering.setBox(event.shiftKey ? { ...now, right: Math.max(now.left + 2, now.right + x), bottom: Math.max(now.top + 2, now.bottom + y) } : moved(now, x, y, said));
          }}
        />
      ) : null}
    </svg>
  );
}
