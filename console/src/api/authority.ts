// Authority, retention and the record. Each is one request of docs/authority.md and docs/retention.md.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

export interface Authorisation {
  readonly authorisation_id: string;
  readonly use_case: string;
  readonly ground: string;
  readonly subject_id: string;
  readonly place: { readonly boroughs: readonly string[] };
  readonly starts_at: Millis;
  readonly ends_at: Millis;
  readonly requested_by: string;
  readonly requested_at: Millis;
  readonly urgent: boolean;
  readonly state: string;
  readonly decided_by: string | null;
  readonly decided_at: Millis | null;
  readonly reviewed_by: string | null;
  readonly reviewed_at: Millis | null;
  readonly refused_because?: string;
  readonly own_account?: boolean;
  readonly names?: Readonly<Record<string, string>>;
}

export interface UseCaseTerms {
  readonly use_case: string;
  readonly grounds: readonly string[];
  readonly may_be_urgent: boolean;
}

/** What can be asked for here: closed questions and their answers. */
export interface Terms {
  readonly use_cases: readonly UseCaseTerms[];
  readonly refusals: readonly string[];
  readonly boroughs: readonly string[];
  readonly most_s: number;
  readonly most_urgent_s: number;
  readonly request_lives_s: number;
}

export interface AuthorityRequest {
  readonly use_case: string;
  readonly ground: string;
  readonly subject_id: string;
  readonly boroughs: readonly string[];
  readonly starts_at: string;
  readonly ends_at: string;
  readonly urgent: boolean;
}

export const authorisations = (background = false): Promise<Authorisation[]> => get("authorisations", background);
export const terms = (): Promise<Terms> => get("authority");
export const requestAuthority = (asked: AuthorityRequest): Promise<Authorisation> => act("POST", "authorisations", asked);
export const decide = (id: string, allow: boolean, because?: string): Promise<Authorisation> =>
  act("POST", path("authorisations", id, "decision"), because === undefined ? { allow } : { allow, because });
export const revoke = (id: string): Promise<Authorisation> => act("POST", path("authorisations", id, "revoke"));
export const documentAddress = (id: string): string => `api/v1/${path("authorisations", id, "document")}`;
export const printAddress = (id: string): string => `api/v1/${path("authorisations", id, "print")}`;

// --- retention ------------------------------------------------------------------------------------------------------------

export interface RetentionClass {
  readonly name: string;
  readonly what: string;
  readonly from: string;
  readonly days: number;
  readonly source: string;
  readonly held: boolean;
}

/** What is held of one class now. */
export interface Standing {
  readonly retention_class: string;
  readonly subjects: number;
  readonly due: number;
  readonly kept_by_hold: number;
  readonly next_due_at: Millis | null;
}

export interface Erasure {
  readonly erasure_id: string;
  readonly subject_id: string;
  readonly retention_class: string;
  readonly by: string;
  readonly due_at: Millis;
  readonly ordered_at: Millis;
  readonly step: string;
  readonly done_at: Millis | null;
}

export interface Retention {
  readonly version: string;
  readonly digest: string;
  readonly classes: readonly RetentionClass[];
  readonly holdings: readonly Standing[];
  readonly holds: readonly Authorisation[];
  readonly erasures: readonly Erasure[];
  readonly overdue_since: Millis | null;
}

/** All that is held under a subject's id, to be given out. */
export interface Disclosure {
  readonly subject_id: string;
  readonly records: readonly { readonly kind: string; readonly body: Readonly<Record<string, unknown>> }[];
  readonly entries: readonly { readonly index: number; readonly at: Millis; readonly kind: string; readonly payload: Readonly<Record<string, unknown>> | null }[];
}

export const retention = (background = false): Promise<Retention> => get("retention", background);
export const erase = (retention_class: string, subject_id: string): Promise<Erasure> => act("POST", "erasures", { retention_class, subject_id });
export const disclose = (subject_id: string): Promise<Disclosure> => act("POST", "disclosures", { subject_id });

// --- the record -------------------------------------------------------------------------------------------------------------

export interface Witness {
  readonly name: string;
  readonly key: string;
  readonly signed_at: Millis | null;
}

export interface LedgerRecord {
  readonly origin: string;
  readonly key: string;
  readonly size: number;
  readonly root: string;
  readonly checkpoint: { readonly size: number; readonly root: string; readonly note: string; readonly witnesses: readonly Witness[] } | null;
  readonly policy: string;
  readonly policy_digest: string;
  readonly retention: string;
  readonly retention_digest: string;
}

export const record = (background = false): Promise<LedgerRecord> => get("record", background);
