import type { Answers } from "../listing.ts";
import type { Connection } from "./connection.ts";

/** What a command does with its connection. */
export type Work = (connection: Connection) => Promise<Answers> | Answers;

/** Runs a command and prints what it answers. */
export type Run = (work: Work) => Promise<void>;
