import { RoomError } from "../base/errors.ts";

export type WireErrorCode =
  /** A part that the message must have is not there. `data.part`. */
  | "part_missing"
  /** A digest has another length than 32 bytes. `data.part`, `data.length`. */
  | "digest_length"
  /** A number lies outside what the field can mean. `data.part`. */
  | "number_out_of_range"
  /** The message has a field that this version does not know: whatever it says, nothing would check it. `data.part`. */
  | "field_unknown"
  /** A stream of chunks ends inside a frame. */
  | "stream_truncated"
  /** The domain value has no form on the wire that reads back the same. `data.part`. */
  | "not_representable";

/** A message from outside that is not what its type promises, or a value that the wire cannot carry. */
export class WireError extends RoomError<WireErrorCode> {
  override readonly name = "WireError";
}
