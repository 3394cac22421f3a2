/** Lines of `rejoin debug`. */
import type { DebugReply } from "../debug_feed.ts";
import { eventLine } from "../log.ts";

/** What was shown, as lines for people; what belongs to a message stands indented below it. */
export function debugLines(reply: DebugReply): readonly string[] {
  switch (reply.kind) {
    case "debugging":
      return [];
    case "debug-lost":
      return [`${reply.count} more were lost here: too many to keep up with`];
    case "debug": {
      const { time, level, event, facts } = reply;
      const { direction, message, details, ...who } = facts;
      if (event !== "ikev2-packet") return [eventLine(time, level, event, facts)];
      const words = `${direction === "sent" ? "Sent" : "Received"} ${String(message)}`;
      const below = Array.isArray(details) ? details : [];
      return [
        eventLine(time, level, words, who),
        ...below.map((detail) => `    ${String(detail)}`),
      ];
    }
  }
}
