// The steps of a drone's own lens. Pure.

/** Doubling from the widest to as near as it gets. */
export function zoomSteps(most: number): readonly number[] {
  const steps = [1];
  for (let step = 2; step < most * 0.95; step *= 2) steps.push(step);
  if (most > 1) steps.push(most);
  return steps;
}
