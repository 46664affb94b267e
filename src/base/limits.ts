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
/** Biggest configuration file, in bytes. */
export const CONFIG_FILE_BYTES_MAX: number = 1024 * 1024;
/** Biggest file that holds one secret (`IMMUDB_ADMIN_PASSWORD_FILE`), in bytes. */
export const SECRET_FILE_BYTES_MAX: number = 64 * 1024;
/** Bytes of all request bodies in flight (server setting `max-inflight-bytes`). */
export const INFLIGHT_BYTES_MAX: number = 256 * 1024 * 1024;
/** How much of a stream of requests counts for that: its values beyond are on disk, and what comes too fast waits at its sender. */
export const STREAM_SHARE_BYTES_MAX: number = 4 * 1024 * 1024;
/** Longer messages of a stream of chunks are passed on in pieces. */
export const WHOLE_CHUNK_BYTES_MAX: number = 128 * 1024;
/** Simultaneous sessions (server setting `max-sessions`). */
export const SESSIONS_MAX = 100;
/** Longest database name (wire contract). */
export const DATABASE_NAME_LENGTH_MAX = 128;
/** Users of a server: all are held in memory. */
export const USERS_MAX = 10_000;
/** Longest user name (wire contract). */
export const USERNAME_LENGTH_MAX = 63;
/** Longest password in bytes. */
export const PASSWORD_LENGTH_MAX = 72;
/** How long a client waits for another process that is verifying on the same database, in milliseconds. */
export const STATE_LOCK_WAIT_MS = 60_000;
/** Age at which a lock on trusted state that was left by another machine is taken to be abandoned, in milliseconds. */
export const STATE_LOCK_FOREIGN_STALE_MS = 600_000;
/** Biggest answer that a client accepts (client option `readMaxBytes`): several of the longest values, with their proofs. */
export const CLIENT_ANSWER_BYTES_MAX: number = 128 * 1024 * 1024;
/** How long a client waits for one answer (client option `timeoutMs`), in milliseconds. */
export const CLIENT_TIMEOUT_MS = 30_000;
/** Transactions and bytes of one commit group (one synced write). */
export const GROUP_TRANSACTIONS_MAX = 1000;
export const GROUP_BYTES_MAX: number = 4 * 1024 * 1024;
/** Transactions and bytes that may wait for a place in a commit group. */
export const COMMIT_QUEUE_MAX = 20_000;
export const COMMIT_QUEUE_BYTES_MAX: number = 128 * 1024 * 1024;
/** How often a write that looked at the state before looks again, when that has changed until it is made. */
export const WRITE_ATTEMPTS_MAX = 100;
/** Size from which a value segment is followed by a new one. */
export const SEGMENT_BYTES_MAX: number = 64 * 1024 * 1024;
/** Bytes of values that a streamed transaction keeps in memory; what comes after them goes to disk as it comes. */
export const VALUE_SPOOL_MEMORY_BYTES_MAX: number = 1024 * 1024;
/** Streamed transactions of one database that are being received at once; each may have a file open. */
export const VALUE_SPOOLS_MAX = 256;
/** Bytes of all values of one streamed transaction (wire contract). */
export const STREAMED_VALUES_BYTES_MAX: number = 32 * 1024 * 1024;
/** Bytes of a message that stands for one operation of a streamed batch: a set, a key, and numbers. */
export const STREAMED_OPERATION_BYTES_MAX = 4096;
/** Bytes of a chunk that the server sends, the length of a frame included. */
export const STREAM_CHUNK_BYTES: number = 64 * 1024;
/** Free bytes of the disk below which writes are refused (server setting `disk-low-watermark`). */
export const DISK_LOW_WATERMARK_BYTES: number = 64 * 1024 * 1024;
/** How often the disk is asked how much is free, in milliseconds and in bytes of accepted writes. */
export const DISK_LOOK_EVERY_MS = 1000;
export const DISK_LOOK_EVERY_BYTES: number = 16 * 1024 * 1024;
/** Shortest retention period of a database, in milliseconds (wire contract). */
export const RETENTION_PERIOD_MIN_MS: number = 24 * 60 * 60 * 1000;
/** How long after it was opened a database is first looked through for old values, in milliseconds. */
export const RETENTION_FIRST_LOOK_MS: number = 10 * 60 * 1000;
/** By how much the clock may disagree with the time that was waited, in milliseconds, before nothing is removed. */
export const RETENTION_CLOCK_TOLERANCE_MS: number = 10 * 60 * 1000;
/** Transactions that may be durable and wait to be committed, by replicas or by a primary; beyond that writes wait. */
export const PRECOMMITTED_TXS_MAX = 10_000;
/** Replicas that a primary with synchronous replication listens to. */
export const REPLICAS_MAX = 100;
/** Bytes of one exported transaction that is taken in: twice what one may be written with, for keys and header. */
export const EXPORTED_TX_BYTES_MAX: number = 128 * 1024 * 1024;
/** Bytes of all exported transactions that are being taken in from calls. */
export const REPLICATED_BYTES_MAX: number = 256 * 1024 * 1024;
/** How long an export waits for a transaction that is not there yet, in milliseconds. */
export const EXPORT_WAIT_MS = 1000;
/** How far ahead of the next one a transaction may come to a replica (database setting `maxActiveTransactions`). */
export const FOREIGN_TXS_AHEAD_MAX = 1000;
/** Bytes of transactions that came to a replica before those that precede them. */
export const ARRIVALS_BYTES_MAX: number = 128 * 1024 * 1024;
/** How long such a transaction waits for those that precede it, in milliseconds. */
export const ARRIVAL_WAIT_MS = 10_000;
/** Versions of keys that may be committed and not yet indexed; beyond that commits wait for the index. */
export const OVERLAY_VERSIONS_MAX = 100_000;
/** Of how many keys a database remembers where the latest version is: a power of two; at most 200 bytes each. */
export const RECENT_VERSIONS_MAX = 32_768;
/** Keys up to this many bytes are remembered so. */
export const RECENT_KEY_BYTES_MAX = 63;
/** Versions of one index batch; and how many make one worth it before INDEX_LINGER_MS have passed. */
export const INDEX_BATCH_VERSIONS_MAX = 8192;
export const INDEX_BATCH_VERSIONS_MIN = 1024;
/** How long committed versions may wait for others to be indexed with, in milliseconds. */
export const INDEX_LINGER_MS = 25;
/** Rows of the index that are made in one turn of the event loop: about a millisecond. */
export const INDEX_ROWS_IN_ONE_TURN_MAX = 512;
/** Passwords waiting to be checked; more logins at once are refused. */
export const PASSWORD_CHECKS_WAITING_MAX = 256;
/** All logins waiting because of others of the same user or address; more are refused. */
export const LOGINS_WAITING_MAX = 1024;
/** Users and addresses whose failed logins are remembered, each. */
export const LOGIN_LANES_MAX = 20_000;
/** Pairs of user and address that are remembered because the user logged in from there. */
export const KNOWN_LOGINS_MAX = 20_000;
/** How long a failed login is held against its user and address after the last one, in milliseconds. */
export const FAILED_LOGIN_KEPT_MS: number = 15 * 60 * 1000;
/** Failed logins of one user from one address, of one address, and of one user from anywhere that cost nothing. */
export const FREE_FAILURES_OF_PAIR = 5;
export const FREE_FAILURES_OF_ADDRESS = 20;
export const FREE_FAILURES_OF_USER = 10;
/** Longest time between two of them after that, in milliseconds. */
export const FAILURE_PAUSE_OF_PAIR_MS = 5000;
export const FAILURE_PAUSE_OF_ADDRESS_MS = 1000;
export const FAILURE_PAUSE_OF_USER_MS = 2000;
/** Logins that may wait for such a time to pass, of each user and address; more are refused. */
export const SLOWED_LOGINS_WAITING_MAX = 2;
/** Login tokens that one user may hold at once; the least recently used makes room. */
export const TOKENS_PER_USER_MAX = 10_000;
/** Transactions that a client asks about, one call each, to complete a proof from a server before 1.4.1. */
export const ADVANCE_PROOF_TXS_MAX = 10_000;
/** Watches of health (grpc.health.v1) at once; more are refused. */
export const HEALTH_WATCHES_MAX = 1000;
/** Conversations with gRPC reflection at once; more are refused. Each may have an answer of some 100 KiB under way. */
export const REFLECTIONS_MAX = 64;
/** Biggest message to a method that needs no login. */
export const PUBLIC_MESSAGE_BYTES_MAX: number = 64 * 1024;
/** Bytes of the request bodies in flight of those who have not logged in: a share of their own, so that they take nobody else's. */
export const PUBLIC_INFLIGHT_BYTES_MAX: number = 16 * 1024 * 1024;
/** How long a new connection may take to say which protocol it speaks, and as long for a TLS handshake before, in milliseconds. */
export const PREFACE_TIMEOUT_MS = 10_000;
/** How long a stopping server waits for the calls under way, in milliseconds. */
export const SHUTDOWN_GRACE_MS = 10_000;
/** How long one HTTP/2 connection may keep the server from all others with what it has sent at once, in milliseconds. */
export const READ_TURN_MS = 20;
/** A message that is to come as a whole may take so long, in milliseconds, and so much longer as it comes at this rate. */
export const SLOW_MESSAGE_MS = 30_000;
export const SLOW_MESSAGE_BYTES_PER_SECOND = 8192;
/** How long the rest of a request may still come after it has been answered, in milliseconds. */
export const UNREAD_REQUEST_MS = 1000;
/** Concurrent calls on one HTTP/2 connection. */
export const CONNECTION_STREAMS_MAX = 2000;
/** Bytes of one request body in flight before its sender has to wait; and the same for all of a connection together. */
export const STREAM_WINDOW_BYTES: number = 1024 * 1024;
export const CONNECTION_WINDOW_BYTES: number = 16 * 1024 * 1024;
/** Answers that wait to be sent, of one HTTP/2 connection and of all; beyond that new calls are refused. */
export const CONNECTION_UNSENT_BYTES_MAX: number = 256 * 1024 * 1024;
export const UNSENT_BYTES_MAX: number = 1024 * 1024 * 1024;
/** Memory of one HTTP/2 connection under Node's own transport, answers waiting to be sent included, in MB. */
export const CONNECTION_MEMORY_MB_MAX = 1024;
/** Size of the header list of one HTTP/2 request: names, values and 32 bytes for each field (RFC 9113, section 10.5.1). */
export const HEADER_LIST_BYTES_MAX: number = 64 * 1024;
/** Bytes of one header block as it is sent, and the CONTINUATION frames that it may be split into. */
export const HEADER_BLOCK_BYTES_MAX: number = 128 * 1024;
export const HEADER_CONTINUATIONS_MAX = 16;
/** How long a header block that has begun may take to be complete, in milliseconds. */
export const HEADER_BLOCK_TIMEOUT_MS = 10_000;
/** How long an HTTP/2 connection without any call may be silent, in milliseconds. */
export const CONNECTION_IDLE_MS: number = 30 * 60 * 1000;
/** How long an HTTP/2 connection may be silent before its peer's machine is asked whether it is still there, in milliseconds. */
export const CONNECTION_KEEPALIVE_MS = 60_000;
/** How long nothing of what waits to be sent may have left an HTTP/2 connection, in milliseconds. */
export const OUTPUT_STALL_MS: number = 5 * 60 * 1000;
/** How long a peer has to close an HTTP/2 connection that we have said is over, in milliseconds. */
export const CONNECTION_LINGER_MS = 1000;
/** Calls of one HTTP/2 connection that the peer gave up before they were answered, or that broke a rule: at once, and a second. */
export const STREAM_RESETS_MAX = 4000;
export const STREAM_RESETS_PER_SECOND = 200;
/** SETTINGS frames that a peer may send: at once, and a second. */
export const SETTINGS_FRAMES_MAX = 100;
export const SETTINGS_FRAMES_PER_SECOND = 10;
/** Frames that bring nothing forward (empty ones, WINDOW_UPDATE, PRIORITY, unknown ones): at once, and a second; progress allows more. */
export const IDLE_FRAMES_MAX = 10_000;
export const IDLE_FRAMES_PER_SECOND = 1000;
/** Control frames, mostly answers to PING, that may wait for a peer that does not read. */
export const UNREAD_CONTROL_FRAMES_MAX = 10_000;
/** How long another process may look at an environment that may be damaged before it is opened, in milliseconds. */
export const PROBE_MS_MAX = 60_000;
/** Longest text of a failed call, in bytes: escaped, and with the details that repeat it, less than any peer's 8 KiB. */
export const FAILURE_TEXT_BYTES_MAX = 800;
/** Texts of failed gRPC calls that are kept as they are sent. */
export const GRPC_FAILURES_KEPT = 256;
/** Size up to which an environment that may be damaged is looked at before it is opened; a bigger one while it is served. */
export const WALK_FIRST_BYTES_MAX: number = 4 * 1024 * 1024;
/** Environments that are looked at while they are served, at once; each takes a thread. */
export const PAGE_WALKS_MAX = 1;
/** Databases open at once (server setting `max-active-databases`). */
export const ACTIVE_DATABASES_MAX = 100;
/** Findings that a verification lists; it counts all of them. */
export const FINDINGS_MAX = 100;
/** Series of one metric that are kept apart; what comes after that shares one. */
export const METER_SERIES_MAX = 1000;
/** Addresses whose calls are counted apart (wire contract); the others share one series. */
export const CLIENT_SERIES_MAX = 10_000;
/** Databases that metrics name; how many more there are is told in one number. */
export const METRIC_DATABASES_MAX = 1000;
/** Transactions that an index may be behind before the server calls itself not ready (server setting `ready-index-lag`). */
export const READY_INDEX_LAG_MAX = 100_000;
/** Connections of the port of metrics at once; one more takes the place of the oldest. */
export const METRICS_CONNECTIONS_MAX = 64;
/** Calls whose record in the audit log is not on disk yet, those under way included; more wait for a place. */
export const AUDIT_QUEUE_MAX = 4096;
/** Events of the audit log that are stored as one transaction. */
export const AUDIT_BATCH_MAX = 512;
/** How long a call waits for a place in the audit log before it is refused, in milliseconds. */
export const AUDIT_WAIT_MS = 5000;
/** How long after a failed write to the audit log the next one is tried, in milliseconds. */
export const AUDIT_RETRY_MS = 500;
/** How long a stopping server tries to store what is left of the audit log, in milliseconds. */
export const AUDIT_STOP_MS = 5000;
/** How long a stopping server sends what OpenTelemetry has not got yet, in milliseconds. */
export const TELEMETRY_STOP_MS = 2000;
/** Longest processor profile that is taken of a running server, in seconds. */
export const PROFILE_SECONDS_MAX = 60;
/** Verifications that a server runs at once. */
export const VERIFICATIONS_MAX = 2;
/** Transactions that a replica may ask for ahead (database setting `prefetchTxBufferSize`). */
export const REPLICATION_PREFETCH_MAX = 10_000;
/** How long a primary may say nothing in the middle of a call, in milliseconds. */
export const REPLICATION_SILENCE_MS = 30_000;
/** Transactions that are asked for over one call: a database can be unloaded when its calls have ended. */
export const EXPORTS_PER_STREAM = 1000;
/** How often a session at a primary is kept alive, in milliseconds. */
export const PRIMARY_KEEPALIVE_MS = 60_000;
/** Transactions that a replica asks for ahead, and has waiting for the disk, when its settings do not say. */
export const REPLICATION_PREFETCH_DEFAULT = 100;
/** Bytes that a replica fetches ahead and has not written; beyond that the primary waits. */
export const REPLICATION_BYTES_AHEAD_MAX: number = 64 * 1024 * 1024;
/** How soon a replica asks again for a transaction that is not there yet, in milliseconds: at first, and at last. */
export const REPLICATION_POLL_MS_MIN = 4;
export const REPLICATION_POLL_MS_MAX = 256;
/** How soon a replica tries again to follow its primary, in milliseconds: at first, and at last. */
export const REPLICATION_RETRY_MS_MIN = 100;
export const REPLICATION_RETRY_MS_MAX = 10_000;

/** Most bytes of metrics that immuadmin reads from a server. */
export const METRICS_TEXT_BYTES_MAX: number = 16 * 1024 * 1024;
