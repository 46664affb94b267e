import { RoomError } from "../base/errors.ts";

export type ServiceErrorCode =
  /** `data.method`: a method of the contract that this server does not offer yet. */
  | "unimplemented"
  /** A reference in a batch that is streamed. */
  | "stream_reference"
  /** An empty value in a batch that is streamed. */
  | "stream_value_empty"
  /** A stream of requests that holds none. */
  | "stream_empty"
  /** The very transaction that was sent is here. */
  | "tx_already_committed"
  /** `data.limit`: bytes of one exported transaction. */
  | "exported_tx_too_long"
  /** A stream that must carry one exported transaction carries more. */
  | "exported_tx_not_alone"
  /** `data.limit`: bytes of transactions on their way in. */
  | "replication_busy"
  /** `data.limit`: so many verifications are running. */
  | "verifications_running"
  /** `data.limit`, `data.setting`: the audit log has no room for a record of the call. */
  | "audit_full";

/** What a door answers before any other room is asked. */
export class ServiceError extends RoomError<ServiceErrorCode> {
  override readonly name = "ServiceError";
}
