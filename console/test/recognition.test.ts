import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, DeploymentShown, Plan } from "../src/api/recognition.ts";
import { parsePosition } from "../src/format.ts";
import { alertWord, areaOf, cornersOf, filesByName, inWords, lookedAt, moveWaits, nextOf, said } from "../src/recognition.ts";

const RAISED: Alert = {
  alert_id: "alr-1", deployment_id: "dep-1", camera: "North", category: "wanted-by-court", risk: "none-known", minor_or_vulnerable: false, score: 0.7,
  threshold: 0.5, quality: 0.6, looks: 3, seen_at: 0, raised_at: 0, state: "raised", claimed_by: "", claimed_by_me: false, viewed_by_me: false,
  claim_ends_at: null, lapses_at: 600_000, opinion: "", opinion_until: null, outcome: null,
};
const MINE: Alert = { ...RAISED, state: "claimed", claimed_by: "Me", claimed_by_me: true };

test("nobody decides who does not have the alert, or has not looked", () => {
  assert.equal(nextOf(RAISED, 0), "claim");
  assert.equal(nextOf({ ...RAISED, state: "claimed", claimed_by: "Another" }, 0), "");
  assert.equal(nextOf(MINE, 0), "look");
  assert.equal(nextOf({ ...MINE, viewed_by_me: true }, 0), "decide");
});

test("a second opinion is waited for until its time is over, and is another's to give", () => {
  const asked: Alert = { ...MINE, viewed_by_me: true, opinion: "asked", opinion_until: 1_000 };
  assert.equal(nextOf(asked, 999), "wait");
  assert.equal(nextOf(asked, 1_000), "decide");
  assert.equal(nextOf({ ...asked, claimed_by_me: false }, 0), "opinion");
});

test("an outcome is for who engaged; what is over asks nothing", () => {
  assert.equal(nextOf({ ...MINE, state: "engaged" }, 0), "outcome");
  assert.equal(nextOf({ ...MINE, state: "engaged", claimed_by_me: false }, 0), "");
  assert.equal(nextOf({ ...MINE, state: "lapsed" }, 0), "");
  const outcome = { engaged: false, judgement: "cannot-tell", why_not: "cannot-tell", identity: "not-established", disposal: "no-action" };
  assert.equal(alertWord({ ...MINE, state: "settled", outcome }).label, "Not engaged: cannot tell");
});

test("whoever walks past is noted only at a camera that is looked at: neither moved nor without a sign", () => {
  const shown = (state: string): DeploymentShown =>
    ({
      deployment: { state, moved: ["south"], plan: { cameras: ["north", "south", "east"].map((camera_id) => ({ camera_id })) } },
      kept_out: [{ camera_id: "south", code: "camera-moved" }, { camera_id: "east", code: "no-signs" }],
    }) as unknown as DeploymentShown;
  assert.deepEqual(lookedAt(shown("running")), ["north"]);
  assert.deepEqual(lookedAt(shown("stopped")), []);
});

test("a camera waits for an amendment that moves it, or takes it out, and for no other", () => {
  const placed = (at: Record<string, number>): Plan => ({
    use_case: "", location_basis: "", zone: [], boroughs: [], starts_at: 0, ends_at: 1, threshold: 0.5, model_sha256: "",
    cameras: Object.entries(at).map(([camera_id, latitude_deg]) => ({ camera_id, position: { latitude_deg, longitude_deg: -0.1 } })),
  });
  const plan = placed({ north: 51.5, south: 51.6 });
  const amendment = (after: Plan) => ({ plan, amendment: { plan: after, authorisation_id: "aut-2", asked_by: "acc-1" } });
  assert.equal(moveWaits({ plan, amendment: null }, "north"), false);
  assert.equal(moveWaits(amendment(placed({ north: 51.7, south: 51.6 })), "north"), true);
  assert.equal(moveWaits(amendment(placed({ south: 51.6 })), "north"), true);
  assert.equal(moveWaits(amendment(placed({ north: 51.5, south: 51.7 })), "north"), false);
});

test("corners are places or none at all", () => {
  assert.deepEqual(cornersOf("51.5, -0.1\n\n51.6 −0.2", parsePosition), [{ lat: 51.5, lon: -0.1 }, { lat: 51.6, lon: -0.2 }]);
  assert.equal(cornersOf("51.5, -0.1\nover there", parsePosition), null);
});

test("an area is what it is on the ground", () => {
  const side = 100 / 110_574; // a hundred metres of latitude
  const wide = 100 / (111_320 * Math.cos((51.5 * Math.PI) / 180));
  const ring = [{ lat: 51.5, lon: 0 }, { lat: 51.5 + side, lon: 0 }, { lat: 51.5 + side, lon: wide }, { lat: 51.5, lon: wide }];
  assert.ok(Math.abs(areaOf(ring) - 10_000) < 20);
  assert.equal(areaOf(ring.slice(0, 2)), 0);
});

test("a file whose name stands twice is nobody's image", () => {
  const files = [{ name: "A.jpg" }, { name: "b.jpg" }, { name: "a.JPG" }];
  assert.deepEqual([...filesByName(files).keys()], ["b.jpg"]);
});

test("a code that is not known is shown, never hidden", () => assert.equal(said("some-new-code"), "some new code"));

test("a measure of the standard in words", () => {
  assert.equal(inWords("HeadPoseYaw"), "Head pose yaw");
  assert.equal(inWords("Sharpness"), "Sharpness");
});
