// The ledger's nouns, as plain data: what a transaction, its entries and the proofs about them are, free of protobuf and of
// storage. A verifier, the store and the wire mapping all speak these. Digests are 32 bytes; transaction ids count from 1.

/** Attributes of one entry. Absent attributes are false or undefined; an entry without any has no metadata at all. */
export interface KvMetadata {
  readonly deleted: boolean;
  /** Unix seconds; the entry is expired when this is <= now. */
  readonly expiresAt: bigint | undefined;
  readonly nonIndexable: boolean;
}

/** Attributes of a whole transaction. */
export interface TxMetadata {
  readonly truncatedUptoTx: bigint | undefined;
  readonly extra: Uint8Array | undefined;
}

/** Header of a committed transaction: everything its Alh is computed from. */
export interface TxHeader {
  readonly id: bigint;
  readonly prevAlh: Uint8Array;
  /** Unix seconds. */
  readonly ts: bigint;
  /** 0 or 1. */
  readonly version: number;
  readonly metadata: TxMetadata | undefined;
  readonly nentries: number;
  /** Root of the entries tree. */
  readonly eh: Uint8Array;
  /** Size of the history tree this header commits to, and its root. */
  readonly blTxId: bigint;
  readonly blRoot: Uint8Array;
}

/** One entry as a transaction lists it: store key (prefix byte included) and the hash of its store value. */
export interface TxEntry {
  readonly key: Uint8Array;
  readonly metadata: KvMetadata | undefined;
  readonly hValue: Uint8Array;
  /** Length of the store value in bytes. */
  readonly vLen: number;
  /** Store value (prefix byte included), only when it was asked for. */
  readonly value?: Uint8Array | undefined;
}

/** A value of a user key as read at some transaction; `key` and `value` without prefix bytes. */
export interface Entry {
  readonly tx: bigint;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly metadata: KvMetadata | undefined;
  readonly expired: boolean;
  /** 1-based; 0 when the reader did not ask for it (reads at a transaction). */
  readonly revision: bigint;
  readonly referencedBy: Reference | undefined;
}

/** The reference through which an entry was reached. */
export interface Reference {
  readonly tx: bigint;
  readonly key: Uint8Array;
  /** 0: unbound, follows the latest value. */
  readonly atTx: bigint;
  readonly metadata: KvMetadata | undefined;
  readonly revision: bigint;
}

/** A member of a sorted set. */
export interface ZEntry {
  readonly set: Uint8Array;
  readonly key: Uint8Array;
  readonly entry: Entry | undefined;
  readonly score: number;
  readonly atTx: bigint;
}

/** A transaction as answered: the header and whichever forms of its entries were asked for. */
export interface Tx {
  readonly header: TxHeader;
  readonly entries: readonly TxEntry[];
  /**
   * The same entries as they stand in a `Tx` message (fields 2, tags included), in pieces, when they are kept so: an answer
   * copies these. `entries` may then be decoded when it is first asked for.
   */
  readonly entriesOnWire?: readonly Uint8Array[] | undefined;
  readonly kvEntries?: readonly Entry[] | undefined;
  readonly zEntries?: readonly ZEntry[] | undefined;
}

/** Audit path of one entry inside its transaction's entries tree. `leaf` counts from 0. */
export interface InclusionProof {
  readonly leaf: number;
  readonly width: number;
  readonly terms: readonly Uint8Array[];
}

/** Chain of inner hashes from one transaction to a later one. */
export interface LinearProof {
  readonly sourceTxId: bigint;
  readonly targetTxId: bigint;
  readonly terms: readonly Uint8Array[];
}

/** Ties the transactions of an old linear chain to the newer history tree (CVE-2022-36111). */
export interface LinearAdvanceProof {
  readonly linearProofTerms: readonly Uint8Array[];
  readonly inclusionProofs: readonly (readonly Uint8Array[])[];
}

/** Shows that the source transaction's history is a prefix of the target's. */
export interface DualProof {
  readonly sourceTxHeader: TxHeader;
  readonly targetTxHeader: TxHeader;
  readonly inclusionProof: readonly Uint8Array[];
  readonly consistencyProof: readonly Uint8Array[];
  readonly targetBlTxAlh: Uint8Array;
  readonly lastInclusionProof: readonly Uint8Array[];
  readonly linearProof: LinearProof | undefined;
  readonly linearAdvanceProof: LinearAdvanceProof | undefined;
}

/** The shorter form used by documents: both headers must commit to the tree just before them. */
export interface DualProofV2 {
  readonly sourceTxHeader: TxHeader;
  readonly targetTxHeader: TxHeader;
  readonly inclusionProof: readonly Uint8Array[];
  readonly consistencyProof: readonly Uint8Array[];
}

/** ECDSA P-256 over SHA-256, ASN.1 DER. `publicKey` is informative and never trusted. */
export interface Signature {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a client remembers of a database, and what a server signs. An empty database has txId 0 and the hash of nothing. */
export interface State {
  readonly db: string;
  readonly txId: bigint;
  readonly txHash: Uint8Array;
  readonly signature: Signature | undefined;
}

export interface VerifiableTx {
  readonly tx: Tx;
  readonly dualProof: DualProof;
  readonly signature: Signature | undefined;
}

export interface VerifiableEntry {
  readonly entry: Entry;
  readonly verifiableTx: VerifiableTx;
  readonly inclusionProof: InclusionProof;
}
