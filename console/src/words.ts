// What the control room calls things. A code this table does not know is shown as it is, never hidden.

export type Tone = "ok" | "info" | "quiet" | "notice" | "warning" | "alarm" | "pilot";

export interface Word {
  readonly label: string;
  readonly tone: Tone;
}

export const GRADES = ["I", "S", "E", "R"] as const;
export type Grade = (typeof GRADES)[number];

export const GRADE_NAMES: Record<Grade, string> = { I: "Immediate", S: "Significant", E: "Extended", R: "Referred" };

/** 0 is the gravest; a grade this console does not know stands last. */
export function gradeRank(grade: string): number {
  const rank = GRADES.indexOf(grade as Grade);
  return rank < 0 ? GRADES.length : rank;
}

export function gradeName(grade: string): string {
  return GRADE_NAMES[grade as Grade] ?? grade;
}

const PHASES: Record<string, Word> = {
  authorised: { label: "Authorised", tone: "info" },
  preflight: { label: "Pre-flight", tone: "info" },
  climbing: { label: "Climbing", tone: "info" },
  outbound: { label: "Outbound", tone: "info" },
  "on-scene": { label: "On scene", tone: "ok" },
  returning: { label: "Returning", tone: "quiet" },
  landing: { label: "Landing", tone: "quiet" },
  done: { label: "Home", tone: "quiet" },
  aborted: { label: "Aborted", tone: "warning" },
  controlled: { label: "Pilot flies", tone: "pilot" },
  contingency: { label: "Own failsafe", tone: "alarm" },
  lost: { label: "Lost", tone: "alarm" },
};

const STATUSES: Record<string, Word> = {
  ready: { label: "Ready", tone: "ok" },
  charging: { label: "Charging", tone: "quiet" },
  busy: { label: "On mission", tone: "info" },
  unseen: { label: "Never heard", tone: "warning" },
  stale: { label: "Not heard", tone: "warning" },
  unfit: { label: "Unfit", tone: "warning" },
  grounded: { label: "Out of service", tone: "notice" },
};

const DOCKS: Record<string, Word> = {
  closed: { label: "Lid closed", tone: "quiet" },
  opening: { label: "Lid opening", tone: "info" },
  open: { label: "Lid open", tone: "info" },
  closing: { label: "Lid closing", tone: "info" },
  jammed: { label: "Lid jammed", tone: "alarm" },
  stale: { label: "Not heard", tone: "warning" },
  unseen: { label: "Never heard", tone: "warning" },
};

const STATES: Record<string, Word> = {
  open: { label: "Waiting", tone: "warning" },
  assigned: { label: "Drone assigned", tone: "info" },
  "on-scene": { label: "Eyes on", tone: "ok" },
  closed: { label: "Closed", tone: "quiet" },
};

const CLOSE_REASONS: Record<string, string> = {
  attended: "attended",
  unserved: "no drone could be there in time",
  "not-flown": "its grade is not flown to",
  withdrawn: "closed by a person",
};

export const ROLES: Record<string, string> = {
  viewer: "Viewer",
  cad: "CAD",
  dispatcher: "Dispatcher",
  pilot: "Remote pilot",
  supervisor: "Supervisor",
  planner: "Planner",
  "authorising-officer": "Authorising officer",
  "recognition-operator": "Recognition operator",
  "adjudicating-officer": "Adjudicating officer",
  regulator: "Regulator",
};

const known = (table: Record<string, Word>, code: string): Word => table[code] ?? { label: code, tone: "notice" };

export const phaseWord = (phase: string): Word => known(PHASES, phase);
export const statusWord = (status: string): Word => known(STATUSES, status);
export const dockWord = (status: string): Word => known(DOCKS, status);
export const stateWord = (state: string): Word => known(STATES, state);
export const closeReason = (code: string): string => CLOSE_REASONS[code] ?? code;
export const roleName = (role: string): string => ROLES[role] ?? role;

/** What a drone does now, in one word: its phase while it has a mission, else its status. */
export function droneWord(drone: { status: string; phase: string | null }): Word {
  return drone.phase !== null && drone.status === "busy" ? phaseWord(drone.phase) : statusWord(drone.status);
}

const AIRBORNE = new Set(["climbing", "outbound", "on-scene", "returning", "landing", "controlled", "contingency"]);

/** Whether it is in the air, by its phase. One that is not heard any more while in the air stays on the map. */
export function isAirborne(drone: { phase: string | null }): boolean {
  return drone.phase !== null && AIRBORNE.has(drone.phase);
}

/** Whether a person should look at it. */
export function isTroubled(drone: { status: string; phase: string | null }): boolean {
  const { tone } = droneWord(drone);
  return tone === "warning" || tone === "alarm";
}
