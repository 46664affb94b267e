// The page: log in, set and get with proof, over the same client that programs use. Whatever the server says is shown only
// after the client has verified it; what does not verify raises the alarm instead.
//
//   logged out ──log in──▶ at work ──set, get──▶ proven answer | refusal | alarm
//        ▲                    │
//        └─log out, session ended

import { createConnectTransport } from "@connectrpc/connect-web";
import { utf8 } from "../../src/base/bytes.ts";
import { ImmuClient } from "../../src/client/client.ts";
import { VerificationError } from "../../src/client/errors.ts";
import { type Refusal, refusalOf } from "../../src/client/refusals.ts";
import { MemoryStateStore } from "../../src/client/trusted-state.ts";
import type { ProofReport } from "../../src/client/verified.ts";
import { raiseAlarm } from "./alarm.ts";
import { absentView, entryView, writeView } from "./answer.ts";
import { byId } from "./dom.ts";
import { showTrust } from "./trust.ts";

const KEEP_ALIVE_MS = 60_000;

const login = byId("login", HTMLElement);
const loginForm = byId("login-form", HTMLFormElement);
const workplace = byId("workplace", HTMLElement);
const recordForm = byId("record-form", HTMLFormElement);
const answer = byId("answer", HTMLElement);
const key = byId("key", HTMLInputElement);

/** Outlives a login: what was trusted before must hold after the next one. */
const store = new MemoryStateStore();
const proofs = new Map<string, ProofReport>();
/** Set when the page goes away: a call made then must outlive it. */
let leavingPage = false;
const transport = createConnectTransport({
  baseUrl: location.origin,
  useBinaryFormat: true,
  fetch: (input, init) => fetch(input, { ...init, keepalive: leavingPage }),
});
const client = new ImmuClient(transport, { address: location.host, store, keepAliveMs: KEEP_ALIVE_MS });

onSubmit(loginForm, "login-problem", async () => {
  const database = field("database").trim();
  await client.openSession(field("user"), field("password"), database);
  byId("password", HTMLInputElement).value = "";
  enter(field("user"));
});

onSubmit(recordForm, "record-problem", async (action) => {
  answer.hidden = true;
  say("Checking …");
  const asked = utf8(key.value);
  try {
    const done = action === "set" ? await client.verifiedSet(asked, field("value")) : await client.verifiedGet(asked);
    const first = !proofs.has(client.database);
    proofs.set(client.database, done.proof);
    showTrust(client.database, done.proof);
    show("entry" in done ? entryView(done, first) : writeView(asked, done, first));
    say(`Proven. ${done.proof.checks.length} checks passed.`);
  } catch (error) {
    if (refusalOf(error) !== "not_found") throw error;
    show(absentView(asked));
    say("The server says that there is no such key.");
  }
});

byId("logout", HTMLButtonElement).addEventListener("click", () => {
  client.logout().catch(() => {}); // the session is left either way, and ends by itself on the server
  leave("");
});

// A server has room for so many sessions: one that nobody comes back to is ended, not left to expire.
addEventListener("pagehide", () => {
  leavingPage = true;
  client.close().catch(() => {});
});

function enter(user: string): void {
  login.hidden = true;
  workplace.hidden = false;
  answer.hidden = true;
  const who = byId("who", HTMLParagraphElement);
  who.textContent = `User ${user}, database ${client.database}`;
  who.hidden = false;
  byId("logout", HTMLButtonElement).hidden = false;
  showTrust(client.database, proofs.get(client.database));
  key.focus();
}

function leave(problem: string): void {
  login.hidden = false;
  workplace.hidden = true;
  byId("who", HTMLParagraphElement).hidden = true;
  byId("logout", HTMLButtonElement).hidden = true;
  byId("login-problem", HTMLParagraphElement).textContent = problem;
  byId("user", HTMLInputElement).focus();
}

/** Runs `work` when the form is sent, one at a time, with what it was sent for; tells what goes wrong in the form. */
function onSubmit(form: HTMLFormElement, problemId: string, work: (action: string) => Promise<void>): void {
  const problem = byId(problemId, HTMLParagraphElement);
  const buttons = form.querySelectorAll("button");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const action = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    problem.textContent = "";
    for (const button of buttons) button.disabled = true;
    work(action)
      .catch((error: unknown) => {
        say("");
        failed(error, problem);
      })
      .finally(() => {
        for (const button of buttons) button.disabled = false;
      });
  });
}

function failed(error: unknown, problem: HTMLElement): void {
  const refusal = refusalOf(error);
  if (error instanceof VerificationError) {
    raiseAlarm(error);
  } else if (refusal === "not_logged_in") {
    leave(TEXTS.not_logged_in);
  } else {
    const said = error instanceof Error ? error.message : String(error);
    problem.textContent = refusal === undefined || refusal === "other" ? said : TEXTS[refusal];
  }
}

const TEXTS: Readonly<Record<Exclude<Refusal, "other">, string>> = {
  not_found: "There is no such database.",
  not_logged_in: "The session has ended. Please log in again.",
  no_database: "Please choose a database.",
  wrong_password: "User or password is not right.",
  not_permitted: "You may not do that in this database.",
  illegal_state: "The server could not answer for this state.",
  unreachable: "The server does not answer. Is it running?",
  unimplemented: "This server cannot do that.",
};

function show(parts: readonly Node[]): void {
  answer.replaceChildren(...parts);
  answer.hidden = false;
  answer.scrollIntoView({ block: "nearest" });
}

/** For screen readers: what just happened, in a few words. */
function say(text: string): void {
  byId("status", HTMLParagraphElement).textContent = text;
}

function field(id: string): string {
  const element = document.getElementById(id);
  if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) return element.value;
  throw new Error(`the page has no field #${id}`);
}
