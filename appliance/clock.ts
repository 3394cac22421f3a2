/** The only reader of the system's clocks. Everybody else is handed moments. */
import { type Moment, moment } from "../core/mod.ts";

/** A source of moments. */
export interface Clock {
  /** Both clocks, now. */
  now(): Moment;
}

/** The clocks of this machine. The monotonic one stands still while the machine sleeps. */
export const systemClock: Clock = {
  now: () => moment(performance.now(), Date.now()),
};
