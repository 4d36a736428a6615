// The fold of a run's events: the same as `RunState` in convsim_nb/domain/state.py, and nothing more.

/**
 * @import {Conversation, ConversationEnded, ConversationStarted, MessageSent, PlainState, RunEvent, RunState,
 *          RunStarted, Usage} from "./types"
 */

/** @returns {RunState} a run of which nothing is known */
export function emptyState() {
  return {
    run_id: "",
    run_name: "",
    started_at: null,
    agent: null,
    settings: null,
    tags: {},
    cases: new Map(),
    conversations: new Map(),
    dropped: [],
    notices: {},
    ended: false,
    stopped: false,
    at: 0,
    before: 0,
    in_flight: new Map(),
  };
}

/**
 * @param {PlainState} plain the kernel's state; becomes part of the result
 * @returns {RunState}
 */
export function fromPlain(plain) {
  return {
    ...plain,
    cases: new Map(plain.cases.map((each) => [each.case_id, each])),
    conversations: new Map(plain.conversations.map((each) => [each.key, each])),
    in_flight: new Map(Object.entries(plain.in_flight)),
  };
}

/**
 * Take one event in. A kind that is not known changes nothing: the kernel may be newer than the page.
 * @param {RunState} state
 * @param {RunEvent} event
 */
export function apply(state, event) {
  if (event.kind === "run_started") state.before += state.at;
  if (event.kind !== "message_delta") state.at = event.at;
  switch (event.kind) {
    case "run_started":
      return runStarted(state, event);
    case "conversation_started":
      return conversationStarted(state, event);
    case "sink_dropped":
      return void state.dropped.push(event);
    case "noticed":
      state.notices[event.topic] = event.text;
      return;
    case "run_ended":
      return runEnded(state, event.stopped);
    default: {
      const conversation = state.conversations.get(event.key);
      if (conversation) ofConversation(state, conversation, event);
    }
  }
}

/**
 * @param {RunState} state
 * @param {Conversation} conversation
 * @param {RunEvent} event one of this conversation's
 */
function ofConversation(state, conversation, event) {
  switch (event.kind) {
    case "message_delta":
      return void state.in_flight.set(event.key, (state.in_flight.get(event.key) ?? "") + event.text);
    case "message_sent":
      return messageSent(state, conversation, event);
    case "message_rejected": {
      const { turn, text, guard, reason } = event;
      return void conversation.rejections.push({ turn, text, guard, reason });
    }
    case "agent_retried":
      return void conversation.retries.push({ turn: event.turn, error: event.error });
    case "fact_released": {
      const { index, fact, fact_kind: kind, turn, quote } = event;
      return void conversation.released.push({ index, fact, kind, turn, quote });
    }
    case "goal_checked":
      return void conversation.checks.push({ ...event.check, turn: event.turn });
    case "usage_reported": {
      const before = conversation.usage[event.spender];
      conversation.usage[event.spender] = before ? sum(before, event.usage) : event.usage;
      const turn = String(conversation.turn);
      const spent = conversation.turn_usage[turn];
      conversation.turn_usage[turn] = spent ? sum(spent, event.usage) : event.usage;
      return;
    }
    case "conversation_paused":
      conversation.status = "paused";
      return;
    case "conversation_resumed":
      conversation.status = "running";
      return;
    case "conversation_ended":
      return conversationEnded(state, conversation, event);
  }
}

/**
 * @param {RunState} state
 * @param {RunStarted} event
 */
function runStarted(state, event) {
  state.run_id = event.run_id;
  state.run_name = event.run_name;
  state.tags = event.tags;
  state.started_at = event.started_at;
  state.agent = event.agent;
  state.settings = event.settings;
  state.ended = state.stopped = false;
  for (const testCase of event.cases) {
    state.cases.set(testCase.case_id, testCase);
    for (let trial = 1; trial <= event.settings.trials; trial++) {
      const key = `${testCase.case_id}/${event.agent.name}/${trial}`;
      if (!state.conversations.has(key)) {
        state.conversations.set(key, waiting(key, testCase.case_id, event.agent.name, trial));
      }
    }
  }
}

/**
 * @param {string} key
 * @param {string} caseId
 * @param {string} agent
 * @param {number} trial
 * @returns {Conversation}
 */
function waiting(key, caseId, agent, trial) {
  return {
    key,
    case_id: caseId,
    agent,
    trial,
    attempt: 0,
    session_id: "",
    origin: null,
    status: "waiting",
    messages: [],
    message_turns: [],
    checks: [],
    released: [],
    rejections: [],
    doubts: [],
    retries: [],
    usage: {},
    turn_usage: {},
    stop: null,
    verdict: null,
    detail: "",
    last_trace_id: "",
    turn: 0,
    started: null,
    ended: null,
  };
}

/**
 * @param {RunState} state
 * @param {ConversationStarted} event
 */
function conversationStarted(state, event) {
  const { key, attempt, session_id, origin } = event;
  state.in_flight.delete(key);
  state.conversations.set(key, {
    ...waiting(key, event.case_id, event.agent, event.trial),
    attempt,
    session_id,
    origin,
    status: "running",
    started: event.at,
  });
}

/**
 * @param {RunState} state
 * @param {Conversation} conversation
 * @param {MessageSent} event
 */
function messageSent(state, conversation, event) {
  if (event.message.role === "assistant") state.in_flight.delete(event.key);
  conversation.messages.push(event.message);
  conversation.message_turns.push(event.turn);
  conversation.doubts.push(...event.doubts);
  conversation.turn = event.turn;
}

/**
 * @param {RunState} state
 * @param {Conversation} conversation
 * @param {ConversationEnded} event
 */
function conversationEnded(state, conversation, event) {
  state.in_flight.delete(event.key);
  conversation.status = "ended";
  conversation.ended = event.at;
  conversation.stop = event.stop;
  conversation.verdict = event.verdict;
  conversation.detail = event.detail;
  conversation.last_trace_id = event.trace_id;
}

/**
 * @param {RunState} state
 * @param {boolean} stopped
 */
function runEnded(state, stopped) {
  state.ended = true;
  state.stopped = stopped;
  for (const conversation of state.conversations.values()) {
    if (conversation.stop === null) {
      conversation.status = "ended";
      conversation.stop = "cancelled";
      conversation.verdict = "void";
      conversation.ended = state.at;
    }
  }
}

/**
 * @param {Usage} one
 * @param {Usage} other
 * @returns {Usage} their sum; an unknown cost makes the sum unknown
 */
function sum(one, other) {
  return {
    calls: one.calls + other.calls,
    input_tokens: one.input_tokens + other.input_tokens,
    output_tokens: one.output_tokens + other.output_tokens,
    cached_tokens: one.cached_tokens + other.cached_tokens,
    cost: one.cost === null || other.cost === null ? null : one.cost + other.cost,
    seconds: one.seconds + other.seconds,
  };
}
