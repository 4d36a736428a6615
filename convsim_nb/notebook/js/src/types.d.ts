// What the kernel sends. The nouns are those of convsim_nb/domain, as JSON.

export type Verdict = "reached" | "not_reached" | "void";
export type Status = "waiting" | "running" | "paused" | "ended";
export type Standing = Verdict | Status;

export interface Usage {
  calls: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  cost: number | null;
  seconds: number;
}

export interface ToolCall {
  name: string;
  arguments: unknown;
  result: unknown;
  error: string | null;
  id: string | null;
  seconds: number | null;
}

export interface Message {
  role: "user" | "assistant";
  content: string;
  source: string;
  tool_calls: ToolCall[];
  /** False where nothing tells which tools were called. */
  calls_known?: boolean;
  trace_id: string | null;
  seconds: number | null;
}

export interface GoalCheck {
  reached: boolean;
  evidence: string;
  fired: { index: number; quote: string }[];
  why: string;
  turn: number;
  /** The judge was content, but a fault of the agent bars the goal. */
  barred: boolean;
}

export interface Release {
  index: number;
  fact: string;
  kind: string;
  turn: number;
  quote: string;
}

export interface Rejection {
  turn: number;
  text: string;
  guard: string;
  reason: string;
}

/** What a guard has against a message that was sent all the same. */
export interface Doubt {
  turn: number;
  guard: string;
  reason: string;
}

/** What one scorer says, of a turn or of the whole conversation. */
export interface ScoreLine {
  turn: number | null;
  words: string;
  tone: string;
  because: string;
}

/** By conversation: what scorers said, as of which scoring. */
export type Scores = Record<string, { as_of: number; said: ScoreLine[] }>;

export interface Origin {
  key: string;
  turn: number;
  how: string;
}

export interface TestCase {
  case_id: string;
  goal: string;
  persona: string | null;
  simulation_guidelines: string[];
  facts: string[];
  withheld: { fact: string; after: string; kind: string }[];
}

/** A call of the agent that failed, and was made again. */
export interface Retry {
  turn: number;
  error: string;
}

export interface Conversation {
  key: string;
  case_id: string;
  agent: string;
  trial: number;
  attempt: number;
  session_id: string;
  origin: Origin | null;
  status: Status;
  messages: Message[];
  /** The turn of each message, in the same order; 0 for given history. */
  message_turns: number[];
  checks: GoalCheck[];
  released: Release[];
  rejections: Rejection[];
  doubts: Doubt[];
  retries: Retry[];
  usage: Record<string, Usage>;
  /** By turn, of all spenders. */
  turn_usage: Record<string, Usage>;
  stop: string | null;
  verdict: Verdict | null;
  detail: string;
  last_trace_id: string;
  turn: number;
  started: number | null;
  ended: number | null;
}

/** What differs first between two conversations; see convsim_nb/analysis/alignment.py. */
export type Parting = "user" | "agent" | "tools" | "first_ends" | "second_ends";

/** One exchange in two conversations: the places of its messages in each. */
export interface Pair {
  turn: number;
  first: number[];
  second: number[];
}

/** What stands before the pair `parts` says the same on both sides. */
export interface Alignment {
  pairs: Pair[];
  parts: number | null;
  how: Parting | null;
}

export interface Agent {
  name: string;
  source_hash: string;
  git_commit: string;
  model_id: string;
}

export interface Settings {
  user_model: string;
  judge_model: string;
  trials: number;
  max_turns: number;
  [name: string]: unknown;
}

export interface Dropped {
  kind: "sink_dropped";
  at: number;
  sink: string;
  reason: string;
}

export interface Noticed {
  kind: "noticed";
  at: number;
  topic: string;
  text: string;
}

/** A run's state as it is sent: lists where the fold has maps, for their order counts. */
export interface PlainState {
  run_id: string;
  run_name: string;
  started_at: string | null;
  agent: Agent | null;
  settings: Settings | null;
  tags: Record<string, string>;
  cases: TestCase[];
  conversations: Conversation[];
  dropped: Dropped[];
  /** What should be known with the results, by topic. */
  notices: Record<string, string>;
  ended: boolean;
  stopped: boolean;
  /** Seconds since it started, or was last played on. */
  at: number;
  /** Seconds that it had played by then. */
  before: number;
  in_flight: Record<string, string>;
}

/** A run's state as the fold holds it. */
export interface RunState extends Omit<PlainState, "cases" | "conversations" | "in_flight"> {
  cases: Map<string, TestCase>;
  conversations: Map<string, Conversation>;
  in_flight: Map<string, string>;
}

interface Told {
  at: number;
}
interface OfConversation extends Told {
  key: string;
}

export interface RunStarted extends Told {
  kind: "run_started";
  run_id: string;
  run_name: string;
  started_at: string;
  agent: Agent;
  settings: Settings;
  cases: TestCase[];
  tags: Record<string, string>;
}
export interface ConversationStarted extends OfConversation {
  kind: "conversation_started";
  case_id: string;
  agent: string;
  trial: number;
  attempt: number;
  session_id: string;
  origin: Origin | null;
}
export interface MessageDelta extends OfConversation {
  kind: "message_delta";
  turn: number;
  text: string;
}
export interface MessageSent extends OfConversation {
  kind: "message_sent";
  turn: number;
  message: Message;
  cut: boolean;
  doubts: Doubt[];
}
export interface MessageRejected extends OfConversation, Rejection {
  kind: "message_rejected";
}
export interface AgentRetried extends OfConversation, Retry {
  kind: "agent_retried";
}
export interface FactReleased extends OfConversation {
  kind: "fact_released";
  turn: number;
  index: number;
  fact: string;
  fact_kind: string;
  quote: string;
}
export interface GoalChecked extends OfConversation {
  kind: "goal_checked";
  turn: number;
  check: GoalCheck;
}
export interface UsageReported extends OfConversation {
  kind: "usage_reported";
  spender: string;
  model: string;
  usage: Usage;
}
export interface ConversationPaused extends OfConversation {
  kind: "conversation_paused";
}
export interface ConversationResumed extends OfConversation {
  kind: "conversation_resumed";
}
export interface ConversationEnded extends OfConversation {
  kind: "conversation_ended";
  stop: string;
  verdict: Verdict;
  detail: string;
  trace_id: string;
}
export interface RunEnded extends Told {
  kind: "run_ended";
  stopped: boolean;
}

export type RunEvent =
  | RunStarted
  | ConversationStarted
  | MessageDelta
  | MessageSent
  | MessageRejected
  | AgentRetried
  | FactReleased
  | GoalChecked
  | UsageReported
  | ConversationPaused
  | ConversationResumed
  | ConversationEnded
  | Dropped
  | Noticed
  | RunEnded;

// --- beside the events --------------------------------------------------------------

/** What the header says, counted by Python. */
export interface Header {
  title: string;
  note: string;
  total: number;
  counts: Partial<Record<Standing | "assisted" | "forked", number>>;
  /** The reach rate so far with its interval; empty where nothing counts yet. */
  rate: string;
  /** Seconds, roughly; null where nothing can be said. */
  left: number | null;
  corrections: number;
  /** What the model calls took so far: of the agent, the user and the judge. */
  spent: string[];
  stopping: boolean;
  /** What no event tells; empty where a person can only stop the run. */
  steering: Partial<Steering>;
}

export type LabelValue = "reached" | "not_reached" | "simulator_fault";

export interface Steering {
  live: boolean;
  stopping: boolean;
  /** All conversations are held before their next user message. */
  paused: boolean;
  /** These are held one by one. */
  held: string[];
  concurrency: number;
  labels: Record<string, { value: LabelValue; note: string }>;
  /** A server's page of traces; empty where there is no server. */
  trace_page: string;
  /** How often the scores changed; 0 where there are none. */
  scored: number;
}

/** One span of a trace; parents stand before their children. */
export interface SpanLine {
  depth: number;
  name: string;
  kind: string;
  seconds: number | null;
  failed: boolean;
  /** What was raised in it, `KeyError: 'account'`; empty where nothing was. */
  error: string;
  /** The last line of the caller's own code in that, `cell 3, line 2: raise KeyError(name)`. */
  where: string;
  inputs: unknown;
  outputs: unknown;
}

/** The signs, colours and words of every picture of a run. */
export interface Words {
  signs: Record<string, string>;
  tones: Record<string, string>;
  stops: Record<string, string>;
  standings: Record<string, string>;
  roles: Record<string, string>;
  /** What a goal check comes to: `reached`, `not_reached`, `barred`. */
  checks: Record<string, string>;
  /** What differs first between two conversations, and what is said where nothing does. */
  partings: Record<string, string>;
}

/** By attempt, by quote: the place of the message that holds it. */
export type Quotes = Record<string, Record<string, number>>;

export interface StateMessage {
  type: "state";
  to: string;
  seq: number;
  state: PlainState;
  elapsed: number;
  header: Header;
  words: Words;
  html: Record<string, string>;
  quotes: Quotes;
  scores?: Scores;
}
export interface BatchMessage {
  type: "batch";
  seq: number;
  events: RunEvent[];
  html: Record<string, string>;
  quotes: Quotes;
  header?: Header;
}
export interface DetailsMessage {
  type: "details";
  to: string;
  key: string;
  html: Record<string, string>;
  quotes: Quotes;
  scores?: Scores;
}
export interface DoneMessage {
  type: "done";
  to: string;
  id: string;
  result: Record<string, any>;
}
export interface RefusedMessage {
  type: "refused";
  to: string;
  id: string;
  problem: string;
}
export interface PongMessage {
  type: "pong";
  to: string;
}
export type KernelMessage =
  | StateMessage
  | BatchMessage
  | DetailsMessage
  | DoneMessage
  | RefusedMessage
  | PongMessage;

/** The part of anywidget's model that we use. */
export interface Model {
  on(name: "msg:custom" | "comm_live_update", heard: (content: any) => void): void;
  off(name: "msg:custom" | "comm_live_update", heard: (content: any) => void): void;
  send(content: unknown): void;
  /** Of the host: what it holds is its own affair. */
  widget_manager?: unknown;
}
