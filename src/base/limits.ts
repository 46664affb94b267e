// Every limit of the product, in one table. Values fixed by the wire contract say so; the others are defaults of a
// setting, named in the error that the limit raises.

/** Longest store key, prefix byte included (wire contract); user keys have one byte less. */
export const STORE_KEY_LENGTH_MAX = 1024;
/** Longest store value, prefix byte included (database setting `maxValueLen`). */
export const VALUE_LENGTH_MAX: number = 32 * 1024 * 1024;
/** Entries of one transaction (database setting `maxTxEntries`). */
export const TX_ENTRIES_MAX = 1024;
/** Rows of one scan, history or list answer (wire contract). */
export const RESULT_ROWS_MAX = 2500;
/** Bytes of the serialised key-value metadata (wire format). */
export const KV_METADATA_LENGTH_MAX = 11;
/** Bytes of the serialised transaction metadata (wire format). */
export const TX_METADATA_LENGTH_MAX = 268;
/** Bytes of the `extra` attribute of transaction metadata (wire format). */
export const TX_METADATA_EXTRA_LENGTH_MAX = 256;
/** Biggest inbound message (server setting `max-recv-msg-size`). */
export const MESSAGE_BYTES_MAX: number = 32 * 1024 * 1024;
/** Simultaneous sessions (server setting `max-sessions`). */
export const SESSIONS_MAX = 100;
/** Longest database name (wire contract). */
export const DATABASE_NAME_LENGTH_MAX = 128;
/** Longest user name. */
export const USER_NAME_LENGTH_MAX = 63;
/** Longest password in bytes. */
export const PASSWORD_LENGTH_MAX = 72;
/** How long a client waits for another process that is verifying on the same database, in milliseconds. */
export const STATE_LOCK_WAIT_MS = 60_000;
/** Age at which a lock on trusted state that was left by another machine is taken to be abandoned, in milliseconds. */
export const STATE_LOCK_FOREIGN_STALE_MS = 600_000;
/** How long a client waits for one answer (client option `timeoutMs`), in milliseconds. */
export const CLIENT_TIMEOUT_MS = 30_000;
