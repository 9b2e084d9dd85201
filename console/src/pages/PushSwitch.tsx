// Vibration works while the page is open; this says so, until messages can reach a closed one.

export function PushSwitch() {
  return <p class="hint">Keep this page open: it vibrates when an alert comes.</p>;
}
