import assert from "node:assert/strict";
import { test } from "node:test";
import { noticeOf, pageOf } from "../src/worker/words.ts";

test("a call is told in the same words, whatever it says", () => {
  const plain = noticeOf(JSON.stringify({ alert: "alr-01ABC", deployment: "dep-1" }));
  assert.deepEqual(plain, { title: "An alert waits", body: "Open the page to see it.", tag: "alert alr-01ABC", alert: "alr-01ABC" });
  for (const text of ["", "no JSON", "null", "[]", "1", '"alert"', "{}", '{"alert":7}', '{"alert":"../../elsewhere"}', '{"alert":"a b"}', `{"alert":"${"a".repeat(81)}"}`, '{"alert":"<b>"}']) {
    const said = noticeOf(text);
    assert.equal(said.alert, "", text);
    assert.equal(said.title, plain.title);
    assert.equal(said.body, plain.body);
  }
});

test("a press leads to the alert, within the console", () => {
  assert.equal(pageOf("alr-1"), "./#/alerts?id=alr-1");
  assert.equal(pageOf(""), "./#/alerts");
});
