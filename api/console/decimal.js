// Decimal numbers as text. What is shown is what was said; only bars and first guesses are computed, with BigInt.

function parts(text) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? '');
  return match && { sign: match[1], whole: match[2], fraction: match[3] || '' };
}

function scaled(number, places) {
  return BigInt(number.whole + number.fraction.padEnd(places, '0'));
}

// How much of the whole, in thousandths; 0 when either is unknown.
export function thousandths(part, whole) {
  const [a, b] = [parts(part), parts(whole)];
  if (!a || !b) return 0;
  const places = Math.max(a.fraction.length, b.fraction.length);
  const of = scaled(b, places);
  return of === 0n ? 0 : Math.min(1000, Number((scaled(a, places) * 1000n) / of));
}

// The number moved by so many thousandths of itself, kept to the digits it came with.
export function nudged(text, perMille) {
  const number = parts(text);
  if (!number || number.sign) return '';
  const places = number.fraction.length;
  const moved = (scaled(number, places) * BigInt(1000 + perMille)) / 1000n;
  const digits = moved.toString().padStart(places + 1, '0');
  return places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
}

export function isZero(text) {
  return !/[1-9]/.test(text ?? '');
}
