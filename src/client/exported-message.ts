// One exported transaction, as its chunks come: `u64 length | bytes`, or nothing at all when it is not there. Metadata comes with
// the first chunk.

import type { Chunk } from "../../gen/immudb/schema/stream_pb.ts";
import { concat, viewOf } from "../base/bytes.ts";
import { EXPORTED_TX_BYTES_MAX } from "../base/limits.ts";
import { ClientError } from "./errors.ts";
import type { ExportAnswer } from "./replication.ts";

const LENGTH_BYTES = 8;

/** The message as it comes together. */
export class ExportedMessage {
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  #metadata: Chunk["metadata"] = {};

  /** Throws ClientError `export_malformed` when it gets longer than any transaction. */
  add({ content, metadata }: Chunk): void {
    if (Object.keys(metadata).length > 0) this.#metadata = metadata;
    this.#length += content.length;
    if (this.#length > EXPORTED_TX_BYTES_MAX + LENGTH_BYTES) throw malformed("is longer than any transaction");
    this.#parts.push(content);
  }

  /** Whether nothing more belongs to it. */
  get isWhole(): boolean {
    if (this.#length < LENGTH_BYTES) return this.#length === 0;
    return this.#length >= LENGTH_BYTES + Number(this.#said());
  }

  /** Throws ClientError `export_malformed`. */
  answer(): ExportAnswer {
    const committed = this.#metadata["committed-txid-bin"];
    const mayCommitTx = this.#metadata["may-commit-up-to-txid-bin"];
    const mayCommitAlh = this.#metadata["may-commit-up-to-alh-bin"];
    return {
      blob: this.#blob(),
      committedTxId: committed && u64Of(committed),
      mayCommit: mayCommitTx && mayCommitAlh && { txId: u64Of(mayCommitTx), txHash: digestOf(mayCommitAlh) },
    };
  }

  #blob(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    if (this.#length < LENGTH_BYTES) throw malformed("ends within its length");
    const length = this.#said();
    if (length !== BigInt(this.#length - LENGTH_BYTES)) throw malformed("does not have the length that it says");
    if (length === 0n) return undefined;
    const [first] = this.#parts;
    const whole = first?.length === this.#length ? first : concat(...this.#parts);
    return whole.subarray(LENGTH_BYTES);
  }

  /** The length that it says: at least so many bytes have come. */
  #said(): bigint {
    const [first] = this.#parts;
    const begin = first !== undefined && first.length >= LENGTH_BYTES ? first : concat(...this.#parts);
    return u64Of(begin.subarray(0, LENGTH_BYTES));
  }
}

function u64Of(bytes: Uint8Array): bigint {
  if (bytes.length !== 8) throw malformed("says a number that has not 8 bytes");
  return viewOf(bytes).getBigUint64(0);
}

function digestOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 32) throw malformed("says a hash that has not 32 bytes");
  return bytes;
}

/** What a server sent is no exported transaction. */
export function malformed(what: string): ClientError {
  return new ClientError("export_malformed", `an exported transaction ${what}`, {});
}
