/**
 * The parts of an ESP packet around the cipher (RFC 4303 §2): header, padding, pad length, next header.
 *
 * Octets are read and written in place, in one arena. Traffic flow confidentiality padding behind the
 * inner packet (§2.7) is accepted and never sent.
 */

/** Next header values that tunnel mode knows. */
export const NextHeader = {
  IPV4: 4,
  IPV6: 41,
  /** No next header: a dummy packet (RFC 4303 §2.6). */
  NONE: 59,
} as const;

/** Pad length and next header. */
export const trailerBytes = 2;

/** Writes SPI and the lower half of the sequence number. */
export function writeEspHeader(view: DataView, offset: number, spi: number, low: number): void {
  view.setUint32(offset, spi);
  view.setUint32(offset + 4, low);
}

/**
 * Puts padding 1, 2, 3, …, pad length and next header behind an inner packet, so that the plaintext
 * becomes a multiple of `alignment`. Returns the length of the plaintext.
 */
export function addTrailer(
  view: DataView,
  at: number,
  innerLength: number,
  alignment: number,
  nextHeader: number,
): number {
  // `alignment` is 4 or 16, so the distance to the next multiple is a mask of the negative.
  const padLength = -(innerLength + trailerBytes) & (alignment - 1);
  const end = at + innerLength + padLength;
  for (let i = 1; i <= padLength; i++) view.setUint8(at + innerLength + i - 1, i);
  view.setUint8(end, padLength);
  view.setUint8(end + 1, nextHeader);
  return innerLength + padLength + trailerBytes;
}

/** Length of what stands before padding and trailer of an opened plaintext; -1 when they are wrong. */
export function contentLength(view: DataView, at: number, plaintextLength: number): number {
  if (plaintextLength < trailerBytes) return -1;
  const padLength = view.getUint8(at + plaintextLength - 2);
  const length = plaintextLength - trailerBytes - padLength;
  if (length < 0) return -1;
  for (let i = 1; i <= padLength; i++) {
    if (view.getUint8(at + length + i - 1) !== i) return -1;
  }
  return length;
}

/** The next header of an opened plaintext of at least two octets. */
export function nextHeaderOf(view: DataView, at: number, plaintextLength: number): number {
  return view.getUint8(at + plaintextLength - 1);
}
