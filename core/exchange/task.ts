/** A request of ours: how to build it when its turn comes, and what its response means. */
import type { Payload } from "../message/payload.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Path } from "./path.ts";
import type { Step } from "./step.ts";

/** One exchange that we begin. An IKE SA runs them one at a time, in order. */
export interface Task {
  /** For traces. */
  readonly name: string;
  /** `ExchangeType`. */
  readonly exchangeType: number;
  /** Whether it only asks if the peer is alive: repeated as DPD says, not as other requests. */
  readonly isLivenessCheck?: boolean;
  /** Whether the peer may take minutes to answer; the end of the phase is the end of waiting. */
  readonly isPatient?: boolean;
  /** Where it goes, if that is not where the IKE SA is; called before each transmission. */
  route?(sa: IkeSa): Path;
  /** The request's payloads, or `undefined` when it has become pointless. */
  build(sa: IkeSa, step: Step): readonly Payload[] | undefined;
  /** The response has come. */
  handle(sa: IkeSa, step: Step, response: readonly Payload[]): void;
  /** The peer deletes the IKE SA while the request is under way (RFC 7296 §2.25.2). */
  concede?(sa: IkeSa, step: Step): void;
  /** No response will come, because the IKE SA is over: gives back what `build` took. */
  abandon?(sa: IkeSa, step: Step): void;
}
