// What a call is told as. Nothing of anybody stands in it: it lies on a locked screen, and came through a browser maker's hands.

export interface Notice {
  readonly title: string;
  readonly body: string;
  readonly tag: string; // a later call about the same alert takes its place
  readonly alert: string; // "" where the call names none that can be believed
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/;

/** Of a call's text, whatever it is: the browser wants something shown for each call, so something always is. */
export function noticeOf(text: string): Notice {
  const alert = idIn(text);
  return { title: "An alert waits", body: "Open the page to see it.", tag: alert === "" ? "alert" : `alert ${alert}`, alert };
}

function idIn(text: string): string {
  try {
    const said: unknown = JSON.parse(text);
    const alert = typeof said === "object" && said !== null && "alert" in said ? said.alert : "";
    return typeof alert === "string" && ID.test(alert) ? alert : "";
  } catch {
    return "";
  }
}

/** The page of an alert, relative to where the console lies. */
export const pageOf = (alert: string): string => `./#/alerts${alert === "" ? "" : `?id=${alert}`}`;
