// What the kernel sends to a list of sessions: see convsim_nb/notebook/picker/rows.py.

import type { Message } from "../types";

export interface Row {
  id: string;
  /** As it is shown: hidden characters are visible. */
  name: string;
  /** When it was last heard of, in milliseconds since the epoch. */
  at: number | null;
  began: number | null;
  turns: number;
  /** How long the agent took in all. */
  seconds: number;
  first: string;
  answer: string;
  /** Why one may want to look at it: errors, assessments that say no. */
  marks: string[];
  simulated: boolean;
  /** All that was said, where it is at hand; a store tells first words and last. */
  said: string;
}

export interface Outcome {
  state: "waiting" | "reading" | "done" | "failed";
  cases: number;
  problems: string[];
}

export interface Query {
  experiment: string | null;
  last: string | null;
  since: number | null;
  until: number | null;
  where: string;
  simulated: boolean;
}

export interface Job {
  number: number;
  stage: "reading" | "distilling" | "ended";
  total: number;
  read: number;
  done: number;
  failed: number;
  cases: number;
  stopping: boolean;
  seconds: number;
  spent: string;
  model: string;
  problem: string;
  /** The session, and one line. */
  problems: [string, string][];
  more_problems: number;
}

export interface Head {
  /** The store's address; empty where sessions were given. */
  store: string;
  place: string;
  loading: boolean;
  problem: string;
  /** What is said of a store that does not answer. */
  slow: string;
  /** Why there is no session at all. */
  empty: string;
  complete: boolean;
  /** Sessions that a simulator made and that are left out. */
  hidden: number;
  /** Whether the sessions say when they were. */
  dated: boolean;
  query: Query;
  model: string;
  /** The name of a model that is an object in Python. */
  own_model: string;
  job: Job | null;
}

export interface Transcript {
  id: string;
  name: string;
  messages: (Message & { html: string })[];
  /** Messages that are left out. */
  left: number;
  turns: number;
  metadata: Record<string, string>;
  roles: Record<string, string>;
}

export type Order = "newest" | "oldest" | "turns" | "marks" | "slowest" | "text";
export type Kind = "all" | "marked" | "picked" | "fresh" | "distilled";

/** What the list is cut down to, and how it is ordered. */
export interface View {
  text: string;
  kind: Kind;
  order: Order;
}

export type Ask = (what: string, given?: Record<string, unknown>) => Promise<Record<string, any>>;
