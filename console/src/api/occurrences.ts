// Occurrences: docs/occurrences.md.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

export interface Findings {
  readonly severity: string;
  readonly phase: string;
  readonly injuries: string;
  readonly damage: string;
  readonly airspace: string;
  readonly crewed_aircraft: string;
}

export interface Occurrence {
  readonly occurrence_id: string;
  readonly kind: string;
  readonly occurred_at: Millis;
  readonly known_at: Millis;
  readonly opened_by: string;
  readonly evidence: {
    readonly mission_id: string | null;
    readonly incident_id: string | null;
    readonly vehicle_id: string | null;
    readonly airframe: string | null;
    readonly ledger: readonly number[];
  };
  readonly findings: Findings;
  readonly code: string;
  readonly borough: string | null;
  readonly place: { readonly latitude_deg: number; readonly longitude_deg: number; readonly height_m_above_dock: number } | null;
  readonly state: string;
  readonly sent: readonly { readonly body: string; readonly reference: string; readonly by: string; readonly at: Millis }[];
  readonly outcome: string | null;
  readonly closed_at: Millis | null;
}

/** An occurrence, who must be told and was not, by when, and which legal hold to ask for. */
export interface Shown {
  readonly occurrence: Occurrence;
  readonly owed: readonly string[];
  readonly due_at: Millis | null;
  readonly overdue: boolean;
  readonly hold: { readonly use_case: string; readonly ground: string; readonly subject_id: string; readonly boroughs: readonly string[] } | null;
}

export interface Told {
  readonly kind: string;
  readonly occurred_at: string;
  readonly mission_id?: string;
  readonly vehicle_id?: string;
}

const at = (id: string, what: string): string => path("occurrences", id, what);

export const occurrences = (background = false): Promise<Shown[]> => get("occurrences?closed=true", background);
export const tellOf = (told: Told): Promise<Shown> => act("POST", "occurrences", told);
export const find = (id: string, findings: Findings): Promise<Shown> => act("POST", at(id, "findings"), { findings });
export const wasTold = (id: string, body: string, reference: string): Promise<Shown> => act("POST", at(id, "report"), { body, reference });
export const closeOccurrence = (id: string, outcome: string): Promise<Shown> => act("POST", at(id, "close"), { outcome });
export const reportAddress = (id: string): string => `api/v1/${at(id, "document")}`;
export const reportPrintAddress = (id: string): string => `api/v1/${at(id, "print")}`;
