/**
 * When a client has to authenticate anew because its gateway said how long an authentication holds
 * (RFC 4478): some time before, while the tunnel stands, and by its token as long as that makes it hold longer.
 */
import { rekeyMoment } from "../exchange/rekey_time.ts";
import type { SaWorld } from "../exchange/world.ts";
import type { Monotonic } from "../moment.ts";
import { after } from "../moment.ts";

/** How much later an end has to be to be another one, milliseconds: it is told in seconds. */
const SAME_END_MS = 2_000;

/** What one client was told. */
export class Reauthentication {
  #until: Monotonic | undefined;
  #at: Monotonic | undefined;
  #needsUser = false;

  /** When it is due. */
  get deadline(): Monotonic | undefined {
    return this.#at;
  }

  /** Whether only a login of the user helps: the token has not. */
  get needsUser(): boolean {
    return this.#needsUser;
  }

  /** Whether it is due now. */
  isDue(now: Monotonic): boolean {
    return this.#at !== undefined && now >= this.#at;
  }

  /** Nothing is due any more, whatever was told. */
  forget(): void {
    this.#at = undefined;
    this.#until = undefined;
    this.#needsUser = false;
  }

  /** An IKE SA is up, by the token or not, and its authentication holds for so many seconds. */
  told(world: SaWorld, now: Monotonic, byToken: boolean, seconds: number | undefined): void {
    const before = byToken ? this.#until : undefined;
    if (seconds === undefined) return this.forget();
    const ms = seconds * 1000;
    const until = after(now, ms);
    if (before !== undefined && until < after(before, SAME_END_MS)) {
      this.#needsUser = true;
      return;
    }
    this.#until = until;
    this.#at = rekeyMoment(world, now, ms);
    this.#needsUser = false;
  }
}
