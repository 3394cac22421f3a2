/** The exchanges of an established IKE SA (RFC 7296 §1.3, §1.4), bound together. */
import { ExchangeType, NotifyType } from "../message/constants.ts";
import { notify } from "../message/notify.ts";
import { respondCreateChildSa } from "./create_child_sa.ts";
import { DeleteChildSas, livenessCheck, respondInformational } from "./informational.ts";
import { RekeyChildSa } from "./rekey_child.ts";
import { RekeyIkeSa } from "./rekey_ike.ts";
import type { Exchanges } from "./world.ts";

/** All of them. */
export const exchanges: Exchanges = {
  respond(sa, step, exchangeType, request): void {
    switch (exchangeType) {
      case ExchangeType.CREATE_CHILD_SA:
        return respondCreateChildSa(sa, step, request);
      case ExchangeType.INFORMATIONAL:
        return respondInformational(sa, step, request);
      default:
        return sa.reply(step, [notify(NotifyType.INVALID_SYNTAX)]);
    }
  },
  livenessCheck: () => livenessCheck,
  rekeyIkeSa: () => new RekeyIkeSa(),
  rekeyChildSa: (inboundSpi) => new RekeyChildSa(inboundSpi),
  deleteChildSa: (inboundSpi) => new DeleteChildSas([inboundSpi]),
};
