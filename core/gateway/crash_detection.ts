/**
 * Quick crash detection as token maker (RFC 6290): tells peers of IKE SAs that this gateway has lost, by
 * a restart or otherwise, that it has, and needs to remember nothing for that but one secret.
 *
 * A token is a PRF of the SPIs under the secret (§5.1), and closes the peer's IKE SA, so it must not
 * be had for one that lives (§9.1), nor collected in advance (§9.2): it is given for pairs of SPIs of
 * which ours carries the mark that we put on SPIs when we make them, and which are not in use; to one
 * source, and in all, only so often; and in no more octets than were sent to get it.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { copyBytes, utf8 } from "../bytes.ts";
import { equalSecrets } from "../crypto/constant_time.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { limits } from "../limits.ts";
import { ExchangeType, NotifyType } from "../message/constants.ts";
import { buildCrashToken } from "../message/crash_token.ts";
import type { MessageHeader } from "../message/header.ts";
import { buildMessage } from "../message/message.ts";
import { notify } from "../message/notify.ts";
import type { Monotonic } from "../moment.ts";
import type { IpAddress } from "../wire/address.ts";
import type { RecordedIkeSa } from "./record.ts";
import { SourceLimiter } from "./source_limiter.ts";

/** Octets of a token: the least that RFC 6290 §4.1 allows, so that the answer stays short. */
const TOKEN_BYTES = 16;
/** Octets of an SPI that are random; the others are the mark. */
const RANDOM_BYTES = 5;

const tokenLabel = utf8("QCD token");
const markLabel = utf8("IKE SPI");

/** Makes tokens. */
export class CrashDetection {
  readonly #crypto: CryptoProvider;
  readonly #secret: Bytes;
  readonly #sources = new SourceLimiter(limits.crashAnswersPerMinute);
  #second = { since: Number.NEGATIVE_INFINITY, answers: 0 };

  /** `secret` has 32 octets and outlives the process. */
  constructor(crypto: CryptoProvider, secret: Bytes) {
    this.#crypto = crypto;
    this.#secret = secret;
  }

  /** An SPI with our mark in the place of its last octets. */
  mark(spi: Bytes): OwnedBytes {
    const marked = copyBytes(spi);
    marked.set(this.#markOf(spi), RANDOM_BYTES);
    return marked;
  }

  /** The token of an IKE SA. */
  tokenOf(spiI: Bytes, spiR: Bytes): OwnedBytes {
    return this.#prf(tokenLabel, spiI, spiR).subarray(0, TOKEN_BYTES);
  }

  /**
   * The answer to a protected request of `length` octets for an IKE SA that is not there, if it is to be
   * answered at all. The header's SPIs have been looked up in either order.
   */
  answer(
    now: Monotonic,
    header: MessageHeader,
    length: number,
    source: IpAddress,
  ): OwnedBytes | undefined {
    const { flags, initiatorSpi, responderSpi } = header;
    if (flags.response || !this.#mayAnswer(now, source)) return undefined;
    const ours = flags.initiator ? responderSpi : initiatorSpi;
    if (!equalSecrets(ours.subarray(RANDOM_BYTES), this.#markOf(ours))) return undefined;
    const answer = this.#build(header);
    if (answer.length > length) return undefined;
    this.#sources.fail(source, now);
    this.#second.answers++;
    return answer;
  }

  /** The same unasked, for a peer whose IKE SA a restart has cost. */
  notice({ spiI, spiR, originalInitiator }: RecordedIkeSa): OwnedBytes {
    return this.#build({
      initiatorSpi: spiI,
      responderSpi: spiR,
      exchangeType: ExchangeType.INFORMATIONAL,
      // As if to a request of the peer's.
      flags: { initiator: !originalInitiator, response: false },
      messageId: 0,
    });
  }

  /** RFC 7296 §1.5: as an answer to the message, in clear; a notice has the form of one. */
  #build(
    { initiatorSpi, responderSpi, exchangeType, flags, messageId }: MessageHeader,
  ): OwnedBytes {
    return buildMessage({
      initiatorSpi,
      responderSpi,
      exchangeType,
      flags: { initiator: !flags.initiator, response: true },
      messageId,
    }, [
      notify(NotifyType.INVALID_IKE_SPI),
      buildCrashToken(this.tokenOf(initiatorSpi, responderSpi)),
    ]);
  }

  #mayAnswer(now: Monotonic, source: IpAddress): boolean {
    if (now - this.#second.since >= 1_000) this.#second = { since: now, answers: 0 };
    return this.#second.answers < limits.crashAnswersPerSecond &&
      !this.#sources.isBlocked(source, now);
  }

  #markOf(spi: Bytes): OwnedBytes {
    return this.#prf(markLabel, spi.subarray(0, RANDOM_BYTES)).subarray(0, 8 - RANDOM_BYTES);
  }

  #prf(label: Bytes, ...parts: readonly Bytes[]): OwnedBytes {
    return this.#crypto.hmac("sha256", this.#secret, label, ...parts);
  }
}
